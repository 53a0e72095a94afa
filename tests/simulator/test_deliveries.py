"""What is lost and what is repeated, counted against the records of the topic."""

from __future__ import annotations

import pytest

from pytest_labkit.simulator.deliveries import Deliveries, Effect, parsed, percentile
from pytest_labkit.simulator.marks import Mark, Place

MARKS = [Mark(0, offset, 100.0, "a", offset, offset, 1) for offset in range(4)]


def handled(*numbers: int) -> Deliveries:
    """Deliveries of these messages."""
    found = Deliveries()
    for number in numbers:
        found.add(Effect(number, 100.25, ""), 100.0)
    return found


def test_lost_is_what_the_group_has_passed_and_never_handled() -> None:
    """What lies beyond what it has committed may still come."""
    assert [Place(0, 1)] == handled(0, 2).lost(MARKS, {0: 3})


def test_repeated_is_what_was_handled_beyond_its_copies() -> None:
    """Message 1 lies in the topic twice, so it may be handled twice."""
    assert 2 == handled(0, 0, 1, 1, 1).repeated({0: 1, 1: 2})


def test_latency_is_of_the_first_time() -> None:
    """A message that is repeated is no later for it."""
    found = handled(0)
    found.add(Effect(0, 109.0, ""), 100.0)
    assert {"p50": 250.0, "p95": 250.0, "p99": 250.0} == found.latency()


@pytest.mark.parametrize(("share", "expected"), [(0.5, 2.0), (0.95, 4.0), (0.25, 1.0)])
def test_percentile(share: float, expected: float) -> None:
    """The least value that so many do not exceed."""
    assert expected == percentile([1.0, 2.0, 3.0, 4.0], share)


def test_of_nothing_there_is_no_percentile() -> None:
    """Nothing was handled."""
    assert percentile([], 0.5) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("7 1500000000 delivery.py:12 A.b", Effect(7, 1.5, "delivery.py:12 A.b")),
        ("7 1500000000", Effect(7, 1.5, "")),
        ("seven 1500000000 x", None),
        ("", None),
    ],
)
def test_a_line_of_a_journal(line: str, expected: Effect | None) -> None:
    """Number, nanoseconds, and the line that the handler was called from."""
    assert expected == parsed(line)
