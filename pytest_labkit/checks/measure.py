"""
Figures: rounds on the kit's own clock, measured in turn with a reference, judged by `lab.toml`.

A rate is the median of its rounds. Student and reference take turns, so that a neighbour who makes
the machine slow makes it slow for both. A near miss is measured again before it counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil
from statistics import median
from typing import Any

from pytest_labkit.checks import targets
from pytest_labkit.domain.errors import KitError, Mistake
from pytest_labkit.domain.figures import figure
from pytest_labkit.domain.model import Criterion, Measurement

Round = Callable[[], float]  # does the work, returns how many units of it are done for good

DRIFT_S = 1.0  # by which wall clock and monotonic clock may go apart in a round
_TRIES = 3


class Measure:
    """
    The measurements of one test; what the fixture `measure` is.

    Args:
        criterion: Whose targets judge the figures.
        strict: Judge by the targets alone, however slow the machine is.
        benchmark: Gives pytest-benchmark's fixture, or `None` to do without. Rounds run through it, so
            that `--benchmark-json` and `pytest-benchmark compare` see them. Asked for at the first
            counted round: that plugin warns of a fixture that was not used.
        clock: Seconds. A default value is taken before any student's code is there, and is out of reach
            of who patches `time`, and of freezegun, which replaces clocks in the globals of every module.
        wall: Seconds that go on while the machine sleeps, and jump when its clock is set.
    """

    def __init__(
        self,
        criterion: Criterion,
        *,
        strict: bool = False,
        benchmark: Callable[[], Any] = lambda: None,
        clock: Callable[[], float] = time.perf_counter,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._targets = {target.name: target for target in criterion.targets}
        self._strict = strict
        self._benchmark = benchmark
        self._clock = clock
        self._wall = wall
        self._drifts: list[float] = []
        self.measurements: list[Measurement] = []

    def rate(
        self,
        name: str,
        round_: Round,
        *,
        unit: str,
        rounds: int = 3,
        prepare: Callable[[], object] = lambda: None,
        reference: Round | None = None,
        note: str | None = None,
    ) -> Measurement:
        """
        Units per second of *round_*: the median over *rounds*, after a round that is not counted.

        Args:
            name: The name of the figure, and of the target in `lab.toml` that judges it.
            round_: Works for a second or two and returns the number of units that are done for good.
            unit: Such as `"events/s"`.
            rounds: How many rounds are counted; as many again if the target is nearly missed.
            prepare: Makes what a round uses up, before each; it is not timed.
            reference: The kit's own yardstick for the same work, measured in turn with *round_*.
            note: What a reader should know of the figure, such as batch sizes and writers.

        Raises:
            Mistake: The target is missed.
            KitError: The machine was too unsteady for the figure to say anything.
        """
        values: list[float] = []
        references: list[float] = []

        def before_round() -> None:
            prepare()
            if reference is not None:
                references.append(self._timed(reference))

        def counted_round() -> None:
            values.append(self._timed(round_, prepare))

        before_round()
        counted_round()
        values.clear()
        references.clear()
        benchmark = self._benchmark()
        if benchmark is not None:
            benchmark.pedantic(counted_round, setup=before_round, rounds=rounds, iterations=1)
        while len(values) < rounds or (len(values) < 2 * rounds and self._is_near(name, values)):
            before_round()
            counted_round()
        if benchmark is not None:
            benchmark.extra_info[name] = {"unit": unit, "rounds": values, "reference": references}
        return self._judged(name, values, unit, references, note)

    def record(
        self, name: str, values: Sequence[float], *, unit: str, note: str | None = None
    ) -> Measurement:
        """
        A figure that the test measured itself: the median of *values*, judged by the target *name*.

        Raises:
            Mistake: The target is missed.
        """
        return self._judged(name, list(values), unit, [], note)

    def distribution(
        self,
        name: str,
        take: Callable[[], Sequence[float]],
        *,
        unit: str,
        reference: Callable[[], Sequence[float]] | None = None,
        note: str | None = None,
    ) -> list[Measurement]:
        """
        Times, or the like, of which each counts: their median, 95th percentile and maximum.

        The figures are *name*`_p50`, `_p95` and `_max`, each judged by the target of that name. If one is
        missed, all is measured again, once, after the *reference*; then the second time counts.

        Args:
            name: What the values are, such as `"lag"`.
            take: Measures, and returns all values.
            unit: Such as `"ms"`.
            reference: The kit's own yardstick for the same work, which measures and returns all values too.
            note: What a reader should know of them.

        Raises:
            Mistake: A target is missed.
        """
        made = self._percentiles(name, take(), [], unit, note)
        if any(measurement.met is False for measurement in made):
            yardstick = reference() if reference is not None else []
            made = self._percentiles(name, take(), yardstick, unit, note)
        self.measurements += made
        for measurement in made:
            if measurement.met is False:
                raise _missed(measurement, f"{measurement.name} of {len(made[0].samples)} values")
        return made

    def _percentiles(
        self,
        name: str,
        values: Sequence[float],
        references: Sequence[float],
        unit: str,
        note: str | None,
    ) -> list[Measurement]:
        """The figures of *values*; the first has the values as well, the last the *note*."""
        made = []
        for which, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0)):
            measured = targets.measured(
                self._targets.get(f"{name}_{which}"),
                f"{name}_{which}",
                [percentile(values, share)],
                unit,
                references=[percentile(references, share)] if references else None,
                strict=self._strict,
                note=note if which == "max" else None,
            )
            made.append(replace(measured, rounds=()))
        made[0] = replace(made[0], samples=tuple(round(value, 3) for value in values))
        return made

    def _timed(self, round_: Round, prepare: Callable[[], object] = lambda: None) -> float:
        """
        Units per second of one round; if the machine slept or its clock was set meanwhile it is taken again,
        after *prepare*.
        """
        for _ in range(_TRIES):
            start, wall = self._clock(), self._wall()
            units = round_()
            lasted, wall_lasted = self._clock() - start, self._wall() - wall
            if abs(wall_lasted - lasted) <= DRIFT_S:
                return units / lasted
            self._drifts.append(wall_lasted - lasted)
            prepare()
        raise KitError(
            f"The clocks went apart in each of {_TRIES} rounds, by {self._drifts[-1]:+.1f} s at last.",
            "Let nothing set the clock while a test measures, keep the machine awake, and run again.",
        )

    def _is_near(self, name: str, values: list[float]) -> bool:
        target = self._targets.get(name)
        return target is not None and targets.is_near_miss(target, median(values))

    def _judged(
        self, name: str, values: list[float], unit: str, references: list[float], note: str | None
    ) -> Measurement:
        target = self._targets.get(name)
        if target and targets.is_noise(target, values, references, strict=self._strict):
            raise KitError(
                f"This machine is too unsteady to judge {name}: the reference itself, the same work "
                f"each time, went from {figure(min(references))} to {figure(max(references))} {unit}.",
                "Run again when less is going on beside it; your work is not graded down.",
            )
        if self._drifts:
            slept = f"{len(self._drifts)} rounds were taken again: the clock was set, or the machine slept"
            note = f"{note}; {slept}" if note else slept
        made = targets.measured(
            target, name, values, unit, references=references, strict=self._strict, note=note
        )
        self.measurements.append(made)
        if made.met is False:
            raise _missed(made, f"{name}, the median of {len(values)} rounds")
        return made


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of *values* that *share* of them do not exceed (nearest rank); `ValueError` of none."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


class MissedTarget(Mistake):
    """A figure misses its target: no single call of a student's is to blame."""


def _missed(made: Measurement, checked: str) -> Mistake:
    beside = "" if made.reference is None else f"; the reference {figure(made.reference)} {made.unit}"
    return MissedTarget(
        checked=checked,
        expected=f"{_operator(made.target)} {made.unit}",
        got=f"{figure(made.value)} {made.unit}{beside}" + (f" ({made.note})" if made.note else ""),
    )


def _operator(target: str | None) -> str:
    """`>= 10,000` of `>= 10000`."""
    sign, _, limit = (target or "").partition(" ")
    return f"{sign} {figure(float(limit))}"
