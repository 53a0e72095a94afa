"""How rates are taken: rounds in turn with a reference, and once more when it was close."""

from __future__ import annotations

import pytest

from pytest_labkit.errors import Mistake
from pytest_labkit.measure import Measure
from pytest_labkit.model import Criterion, Target


class FakeClock:
    """Seconds that pass only when a round says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    """The kit's clock, in the test's hand."""
    return FakeClock()


def criterion(limit: float) -> Criterion:
    """A criterion with one target."""
    targets = (Target("rate", ">=", limit, "1/s"),)
    return Criterion("A1", "A", "is fast", 1, ("", "", ""), targets=targets)


def test_first_round_is_not_counted(clock: FakeClock) -> None:
    """The first round warms up and counts for nothing."""
    seconds = iter([100.0, 1.0, 1.0, 1.0])

    def round_() -> float:
        clock.now += next(seconds)
        return 10.0

    assert (10.0, 10.0, 10.0) == Measure(criterion(10), clock=clock).rate("rate", round_, unit="1/s").rounds


def test_student_and_reference_take_turns(clock: FakeClock) -> None:
    """Each round follows one of the reference."""
    order: list[str] = []

    def work(name: str) -> float:
        order.append(name)
        clock.now += 1.0
        return 10.0

    made = Measure(criterion(5), clock=clock).rate(
        "rate", lambda: work("student"), unit="1/s", reference=lambda: work("reference")
    )
    assert ["reference", "student"] * 4 == order
    assert 10.0 == made.reference


def test_near_miss_is_measured_again(clock: FakeClock) -> None:
    """A near miss gets as many rounds again, and the median of all decides."""
    rates = iter([1.0, 9.0, 9.0, 9.0, 11.0, 11.0, 11.0])

    def round_() -> float:
        clock.now += 1.0
        return next(rates)

    made = Measure(criterion(10), clock=clock).rate("rate", round_, unit="1/s")
    assert 6 == len(made.rounds)
    assert made.met is True


def test_far_miss_fails_at_once(clock: FakeClock) -> None:
    """A clear miss is not measured again, and says what was wanted and what was got."""

    def round_() -> float:
        clock.now += 1.0
        return 2.0

    measure_ = Measure(criterion(10), clock=clock)
    with pytest.raises(Mistake, match="expected >= 10 1/s; got 2 1/s"):
        measure_.rate("rate", round_, unit="1/s")
    (made,) = measure_.measurements
    assert (3, False) == (len(made.rounds), made.met)


def test_recorded_figures_are_judged_too() -> None:
    """Figures that a test took itself are held to the target of their name."""
    with pytest.raises(Mistake, match="got 3 1/s"):
        Measure(criterion(10), clock=clock).record("rate", [3.0, 1.0, 4.0], unit="1/s")
    assert Measure(criterion(10), clock=clock).record("other", [3.0], unit="1/s").met is None
