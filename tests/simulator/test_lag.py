"""Lag counts what can still be read, and time to zero follows from its trend."""

from __future__ import annotations

import pytest

from pytest_labkit.simulator.lag import Bounds, Sample, time_to_zero


@pytest.mark.parametrize(
    ("log_start", "high_watermark", "committed", "expected"),
    [
        (0, 10, 4, 6),
        (0, 10, None, 10),
        (5, 10, None, 5),
        (7, 10, 4, 3),  # what retention has deleted is no lag
        (0, 10, 12, 0),  # the topic was made anew
        (10, 10, 3, 0),
    ],
)
def test_lag(log_start: int, high_watermark: int, committed: int | None, expected: int) -> None:
    """From what is committed, or the log's start, to the high watermark; never less than 0."""
    assert expected == Bounds(log_start, high_watermark, committed).lag


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([], None),
        ([(0, 0)], 0.0),
        ([(0, 10)], None),
        ([(0, 10), (1, 5)], 1.0),
        ([(0, 30), (2, 10)], 1.0),
        ([(0, 5), (1, 10)], None),  # it grows
        ([(0, 1000), (10, 20), (15, 10)], 5.0),  # older than five seconds counts no more
    ],
)
def test_time_to_zero(samples: list[tuple[float, int]], expected: float | None) -> None:
    """As in the last seconds, so it goes on."""
    assert expected == time_to_zero([Sample(*sample) for sample in samples])
