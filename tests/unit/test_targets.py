"""When a measurement meets its target, and what a slow machine changes."""

from __future__ import annotations

import pytest

from pytest_labkit.checks.targets import is_near_miss, judge, measured, meets
from pytest_labkit.domain.model import Target

AT_LEAST = Target("throughput", ">=", 100.0, "events/s")
AT_MOST = Target("p95", "<=", 50.0, "ms")


@pytest.mark.parametrize(
    ("operator", "value", "met"),
    [(">=", 10.0, True), (">", 10.0, False), ("<=", 10.0, True), ("<", 10.0, False), ("<", 9.9, True)],
)
def test_operators_take_the_limit_as_they_say(operator: str, value: float, met: bool) -> None:
    """At the limit, >= and <= are met and > and < are not."""
    assert met == meets(Target("x", operator, 10.0, "s"), value)


@pytest.mark.parametrize(
    ("target", "value", "near"),
    [
        (AT_LEAST, 80.0, True),
        (AT_LEAST, 74.0, False),
        (AT_LEAST, 100.0, False),
        (AT_MOST, 60.0, True),
        (AT_MOST, 63.0, False),
    ],
)
def test_near_miss_is_within_a_quarter(target: Target, value: float, near: bool) -> None:
    """A miss by up to a quarter of the limit is near; a hit is none."""
    assert near == is_near_miss(target, value)


def test_target_decides_where_the_reference_reaches_it() -> None:
    """On a machine that is fast enough a miss is a miss, however close to the reference."""
    assert judge(AT_LEAST, 99.0, 101.0).met is False


def test_ratio_decides_where_the_reference_misses_too() -> None:
    """On a machine where the reference misses the target, half of the reference is enough, and it is said."""
    judgement = judge(AT_LEAST, 45.0, 90.0)
    assert judgement.met is True
    assert judgement.note is not None
    assert "too slow" in judgement.note
    assert "0.50" in judgement.note
    assert judge(AT_LEAST, 44.0, 90.0).met is False


def test_ratio_of_at_most_is_turned_round() -> None:
    """For a target of at most, twice the reference's figure is a ratio of a half."""
    assert judge(AT_MOST, 120.0, 60.0).met is True
    assert judge(AT_MOST, 121.0, 60.0).met is False


def test_lab_states_its_own_ratio() -> None:
    """A target may ask for another share of the reference."""
    assert judge(Target("x", ">=", 100.0, "1/s", ratio=0.9), 80.0, 90.0).met is False


def test_a_good_answer_may_reach_a_part_of_the_reference_only() -> None:
    """With headroom, the reference has to be as many times as good as the target."""
    at_least = Target("x", ">=", 100.0, "1/s", ratio=0.25, headroom=2.0)
    judgement = judge(at_least, 90.0, 190.0)
    assert judgement.met is True
    assert judgement.note is not None
    assert "reached 190 1/s, and should have 200. Judged" in judgement.note
    assert judge(at_least, 90.0, 200.0).met is False
    assert judge(at_least, 45.0, 190.0).met is False
    assert judge(Target("x", "<=", 100.0, "ms", headroom=2.0), 110.0, 55.0).met is True


def test_strict_forgives_no_machine() -> None:
    """With strict the target alone decides."""
    assert judge(AT_LEAST, 90.0, 90.0, strict=True).met is False


def test_measurement_is_the_median_of_its_rounds() -> None:
    """The figure is the median of the rounds; one bad round changes nothing."""
    made = measured(AT_LEAST, "throughput", [120.0, 5.0, 130.0], "events/s", references=[200.0, 210.0, 90.0])
    assert (120.0, True, 200.0) == (made.value, made.met, made.reference)


def test_figure_without_target_is_not_judged() -> None:
    """Without a target nothing is met or missed."""
    assert measured(None, "throughput", [1.0], "events/s").met is None
