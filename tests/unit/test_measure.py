"""How rates are taken: rounds in turn with a reference, and once more when it was close."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from pytest_labkit.checks.measure import Measure, percentile
from pytest_labkit.domain.errors import KitError, Mistake
from pytest_labkit.domain.model import Criterion, Target


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
    return Criterion("A1", "A", "is fast", 1, targets=targets)


def test_first_round_is_not_counted(clock: FakeClock) -> None:
    """The first round warms up and counts for nothing."""
    seconds = iter([100.0, 1.0, 1.0, 1.0])

    def round_() -> float:
        clock.now += next(seconds)
        return 10.0

    assert (10.0, 10.0, 10.0) == Measure(criterion(10), clock=clock, wall=clock).rate(
        "rate", round_, unit="1/s"
    ).rounds


def test_student_and_reference_take_turns(clock: FakeClock) -> None:
    """Each round follows one of the reference."""
    order: list[str] = []

    def work(name: str) -> float:
        order.append(name)
        clock.now += 1.0
        return 10.0

    made = Measure(criterion(5), clock=clock, wall=clock).rate(
        "rate", lambda: work("student"), unit="1/s", reference=lambda: work("reference")
    )
    assert ["reference", "student"] * 4 == order
    assert 10.0 == made.reference


def test_what_a_round_uses_up_is_made_before_it(clock: FakeClock) -> None:
    """Before each round, and in no round's time."""
    made = [0]

    def prepare() -> None:
        clock.now += 5.0
        made[0] = 10

    def round_() -> float:
        clock.now += 1.0
        found, made[0] = made[0], 0
        return found

    rounds = (
        Measure(criterion(5), clock=clock, wall=clock)
        .rate("rate", round_, unit="1/s", prepare=prepare)
        .rounds
    )
    assert (10.0, 10.0, 10.0) == rounds


def test_near_miss_is_measured_again(clock: FakeClock) -> None:
    """A near miss gets as many rounds again, and the median of all decides."""
    rates = iter([1.0, 9.0, 9.0, 9.0, 11.0, 11.0, 11.0])

    def round_() -> float:
        clock.now += 1.0
        return next(rates)

    made = Measure(criterion(10), clock=clock, wall=clock).rate("rate", round_, unit="1/s")
    assert 6 == len(made.rounds)
    assert made.met is True


def test_far_miss_fails_at_once(clock: FakeClock) -> None:
    """A clear miss is not measured again, and says what was wanted and what was got."""

    def round_() -> float:
        clock.now += 1.0
        return 2.0

    measure_ = Measure(criterion(10), clock=clock, wall=clock)
    with pytest.raises(Mistake, match="expected >= 10 1/s; got 2 1/s"):
        measure_.rate("rate", round_, unit="1/s")
    (made,) = measure_.measurements
    assert (3, False) == (len(made.rounds), made.met)


def test_recorded_figures_are_judged_too() -> None:
    """Figures that a test took itself are held to the target of their name."""
    with pytest.raises(Mistake, match="got 3 1/s"):
        Measure(criterion(10), clock=clock, wall=clock).record("rate", [3.0, 1.0, 4.0], unit="1/s")
    assert Measure(criterion(10), clock=clock, wall=clock).record("other", [3.0], unit="1/s").met is None


def test_f17_a_round_in_which_the_clock_was_set_is_taken_again(clock: FakeClock) -> None:
    """The machine slept for an hour in the second round: it does not count, and the note says so."""
    wall = FakeClock()
    jumps = iter([0.0, 3600.0, 0.0, 0.0, 0.0])

    def round_() -> float:
        clock.now += 1.0
        wall.now += 1.0 + next(jumps)
        return 10.0

    made = Measure(criterion(10), clock=clock, wall=wall).rate("rate", round_, unit="1/s")
    assert (10.0, 10.0, 10.0) == made.rounds
    assert "1 rounds were taken again: the clock was set, or the machine slept" == made.note
    assert next(jumps, None) is None


def test_f17_a_clock_that_never_rests_is_no_student_s_fault(clock: FakeClock) -> None:
    """After three such rounds the figure is the machine's to answer for."""

    def round_() -> float:
        clock.now += 3.5
        return 10.0

    with pytest.raises(KitError, match=r"clocks went apart in each of 3 rounds, by -3\.5 s at last\."):
        Measure(criterion(10), clock=clock, wall=FakeClock()).rate("rate", round_, unit="1/s")


def test_f17_half_a_second_is_no_jump(clock: FakeClock) -> None:
    """Clocks that are adjusted slowly, as by NTP, spoil nothing."""
    wall = FakeClock()

    def round_() -> float:
        clock.now += 1.0
        wall.now += 1.5
        return 10.0

    assert Measure(criterion(10), clock=clock, wall=wall).rate("rate", round_, unit="1/s").note is None


@pytest.mark.parametrize(
    ("student", "reference", "steady"),
    [
        ((2, 2, 13, 13, 2, 13), (20, 20, 90, 90, 20, 90), False),  # half of them met it, as the machine went
        ((2, 2, 2, 2, 2, 13), (20, 20, 90, 90, 20, 90), True),  # one lucky round is no excuse
        ((2, 2, 13, 13, 2, 13), (20, 20, 21, 20, 20, 22), True),  # the machine was steady: the answer is not
        ((2, 2, 2, 2, 2, 2), (20, 20, 90, 90, 20, 90), True),  # far too slow, whatever the machine did
    ],
)
def test_f18_a_machine_that_is_too_unsteady_judges_nobody(
    clock: FakeClock, student: tuple[int, ...], reference: tuple[int, ...], steady: bool
) -> None:
    """A miss that hangs on which moment a round was taken in is no failure, and no pass."""
    seen = iter([(10, 20), *zip(student, reference, strict=True)])
    now = {}

    def of_reference() -> float:
        clock.now += 1.0
        now["student"], rate = next(seen)
        return rate

    def of_student() -> float:
        clock.now += 1.0
        return now["student"]

    measure = Measure(criterion(12), clock=clock, wall=clock)
    error = Mistake if steady else KitError
    told = "rate, the median of 6 rounds" if steady else "too unsteady to judge rate: the reference itself"
    with pytest.raises(error, match=told):
        measure.rate("rate", of_student, unit="1/s", rounds=6, reference=of_reference)


def test_f18_a_median_that_meets_the_target_passes_on_any_machine(clock: FakeClock) -> None:
    """Unsteadiness takes nothing away."""
    rates = iter([20, 20, 20, 90, 20, 90, 20, 20])

    def round_() -> float:
        clock.now += 1.0
        return next(rates)

    assert (
        Measure(criterion(12), clock=clock, wall=clock).rate("rate", round_, unit="1/s", reference=round_).met
    )


def latency(limit: float, ratio: float | None = None) -> Criterion:
    """A criterion with targets for the 95th percentile and the maximum of a lag."""
    targets = (Target("lag_p95", "<", limit, "ms", ratio), Target("lag_max", "<", 2 * limit, "ms", ratio))
    return Criterion("B3", "B", "is quick", 1, targets=targets)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 50.0), (0.95, 95.0), (0.951, 96.0), (1.0, 100.0)]
)
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    """Nearest rank: the smallest value that so many do not exceed."""
    assert expected == percentile([float(n) for n in range(100, 0, -1)], share)


def test_there_is_no_percentile_of_nothing() -> None:
    """Nothing was measured, so nothing is told."""
    with pytest.raises(ValueError, match="no percentile of nothing"):
        percentile([], 0.5)


def test_a_distribution_is_three_figures() -> None:
    """Median, 95th percentile and maximum, each with its target; the first has the values."""
    measure = Measure(latency(100))
    made = measure.distribution(
        "lag", lambda: [10.0] * 94 + [50.0] * 5 + [120.0], unit="ms", note="open loop"
    )
    assert made == measure.measurements
    assert [("lag_p50", 10.0, None), ("lag_p95", 50.0, True), ("lag_max", 120.0, True)] == [
        (one.name, one.value, one.met) for one in made
    ]
    assert [100, 0, 0] == [len(one.samples) for one in made]
    assert [None, None, "open loop"] == [one.note for one in made]


def test_a_distribution_that_misses_is_measured_once_more() -> None:
    """A pause of the machine does not count twice; the second time does."""
    taken = iter([[10.0, 500.0], [10.0, 20.0]])
    measure = Measure(latency(100))
    measure.distribution("lag", lambda: next(taken), unit="ms")
    assert [10.0, 20.0, 20.0] == [one.value for one in measure.measurements]


def test_a_distribution_that_misses_twice_is_told() -> None:
    """The figures are kept, and the one that misses is named."""
    measure = Measure(latency(100))
    with pytest.raises(Mistake, match="lag_p95 of 3 values; expected < 100 ms; got 150 ms"):
        measure.distribution("lag", lambda: [10.0, 20.0, 150.0], unit="ms")
    assert 3 == len(measure.measurements)


@pytest.mark.parametrize(("lag", "met"), [(300.0, True), (500.0, False)])
def test_a_distribution_on_a_slow_machine_is_judged_by_the_ratio(lag: float, met: bool) -> None:
    """Where the yardstick itself misses the target, so much of it is enough."""
    measure = Measure(latency(100, 0.5))
    with nullcontext() if met else pytest.raises(Mistake, match="lag_p95"):
        measure.distribution("lag", lambda: [lag], unit="ms", reference=lambda: [210.0])
    assert [None, met, met] == [one.met for one in measure.measurements]


def test_the_yardstick_of_a_distribution_is_not_taken_in_vain() -> None:
    """Where the targets are met, nothing else is measured."""

    def reference() -> list[float]:
        raise AssertionError("it was taken")

    Measure(latency(100)).distribution("lag", lambda: [1.0], unit="ms", reference=reference)
