"""
Measurement x target -> met or not. Pure.

A figure is judged by its median. Where a reference was measured in turn with it and itself misses
the target, or `Target.headroom` times the target, the machine is too slow for the figure to mean
anything: then the share of the reference that was reached decides (`Target.ratio`), and the
measurement's note says so. Source of the rule: paired ("duet") measurement, Bulej et al., arXiv
2001.05811.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from statistics import median

from pytest_labkit.domain.model import Measurement, Target

TOO_SLOW = "this machine is too slow"
DEFAULT_RATIO = 0.5
UNSTEADY = 2.0
NEAR = 0.25  # a miss by less than this share of the limit is measured again before it counts

_COMPARE = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


@dataclass(frozen=True)
class Judgement:
    """Whether a target is met, and in a sentence how that was decided if not by the target alone."""

    met: bool
    note: str | None = None


def meets(target: Target, value: float) -> bool:
    """Whether *value* reaches *target*."""
    return bool(_COMPARE[target.operator](value, target.limit))


def is_near_miss(target: Target, value: float) -> bool:
    """Whether *value* misses *target* by so little that noise may be the reason."""
    return not meets(target, value) and abs(value - target.limit) <= NEAR * target.limit


def judge(target: Target, value: float, reference: float | None, *, strict: bool = False) -> Judgement:
    """
    Whether *value* meets *target*, given the *reference* of the same run.

    Args:
        target: What the lab asks for.
        value: The median of the student's rounds.
        reference: The median of the reference's rounds, `None` if there is none.
        strict: Judge by the target alone, however slow the machine is.
    """
    if meets(target, value):
        return Judgement(True)
    wanted = wanted_of_reference(target)
    if strict or reference is None or meets(wanted, reference):
        return Judgement(False)
    share, enough = _share(target, value, reference), target.ratio or DEFAULT_RATIO
    return Judgement(
        share >= enough,
        f"{TOO_SLOW} for the target: the reference itself reached {reference:,.0f} "
        f"{target.unit}{'' if wanted == target else f', and should have {wanted.limit:,.0f}'}. "
        f"Judged by the ratio to it instead: {share:.2f}, {enough:.2f} is enough",
    )


def wanted_of_reference(target: Target) -> Target:
    """What the reference has to reach for *target* to be fair: `Target.headroom` times as much."""
    at_least = target.operator.startswith(">")
    limit = target.limit * target.headroom if at_least else target.limit / target.headroom
    return replace(target, limit=limit)


def is_noise(target: Target, values: list[float], references: list[float], *, strict: bool = False) -> bool:
    """
    Whether rounds that miss *target* by their median say nothing, because the machine is unsteady.

    They do where the reference of one round is more than `UNSTEADY` times that of another, and at least
    half of the rounds met the target, each judged beside its own reference.
    """
    if len(references) < len(values) or judge(target, median(values), median(references), strict=strict).met:
        return False
    pairs = zip(values, references[-len(values) :], strict=True)
    met = [judge(target, value, reference, strict=strict).met for value, reference in pairs]
    return max(references) > UNSTEADY * min(references) and 2 * sum(met) >= len(met)


def _share(target: Target, value: float, reference: float) -> float:
    """How much of the reference was reached; 1.0 is as good, for "at least" and "at most" alike."""
    if target.operator.startswith(">"):
        return value / reference if reference else 0.0
    return reference / value if value else 0.0


def measured(
    target: Target | None,
    name: str,
    rounds: list[float],
    unit: str,
    *,
    references: list[float] | None = None,
    strict: bool = False,
    note: str | None = None,
) -> Measurement:
    """The measurement that *rounds* give, judged by *target* if there is one."""
    value = median(rounds)
    reference = median(references) if references else None
    made = Measurement(name, value, unit, rounds=tuple(rounds), reference=reference, note=note)
    if target is None:
        return made
    judgement = judge(target, value, reference, strict=strict)
    notes = [text for text in (note, judgement.note) if text]
    return replace(made, target=str(target), met=judgement.met, note="; ".join(notes) or None)
