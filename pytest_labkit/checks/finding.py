"""What a judge found: what should have been, what was, and the fewest operations that show it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pytest_labkit.checks.history import Operation, Outcome
from pytest_labkit.domain.errors import Mistake
from pytest_labkit.domain.model import Step

_MEMBERS = 4  # of a list that are shown
_LONGEST = 16  # characters of a value
_LONGEST_ERROR = 60
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Counterexample(Mistake):
    """A criterion is not met, and *timeline* shows it: the operations of the evidence, by their start."""

    def __init__(self, *, timeline: tuple[Step, ...], **told: Any) -> None:
        super().__init__(**told)
        self.timeline = timeline


@dataclass(frozen=True)
class Finding:
    """
    An anomaly: its name, what should have been, what was, and the operations that show it.

    `evidence` holds the fewest operations that show it, ordered by start.
    """

    anomaly: str
    expected: str
    got: str
    evidence: tuple[Operation, ...]

    def mistake(self, checked: str = "", perhaps: str | None = None) -> Counterexample:
        """
        The finding as a failed criterion tells it, with the timeline of its evidence.

        What is *checked* is the first sentence of the test's docstring where it is left empty.
        """
        return Counterexample(
            checked=checked,
            expected=self.expected,
            got=self.got,
            perhaps=perhaps,
            timeline=timeline(self.evidence),
        )


def earliest(findings: Iterable[Finding]) -> Finding | None:
    """The finding with the fewest operations as evidence; of equals the one that was complete first."""
    return min(
        findings,
        key=lambda f: (len(f.evidence), max((o.start for o in f.evidence), default=0.0)),
        default=None,
    )


def timeline(operations: Iterable[Operation]) -> tuple[Step, ...]:
    """*operations* as a student sees them, ordered by start; time counts from the first."""
    ordered = sorted(operations, key=lambda operation: operation.start)
    return tuple(_step(operation, ordered[0].start) for operation in ordered)


def _step(operation: Operation, zero: float) -> Step:
    return Step(
        process=operation.process,
        call=f"{operation.name}({', '.join(map(brief, operation.args.values()))})",
        start_ms=_ms(operation.start - zero),
        end_ms=None if math.isinf(operation.end) else _ms(operation.end - zero),
        outcome=operation.outcome.value,
        said=_said(operation),
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _said(operation: Operation) -> str:
    """How it ended: what a call returned, or why it did not."""
    if operation.outcome is Outcome.OK:
        return "ok" if operation.value is None else f"ok: {brief(operation.value)}"
    if math.isinf(operation.end):
        return "has not ended"
    error = (operation.error or "").partition("\n")[0]
    error = error if len(error) <= _LONGEST_ERROR else f"{error[: _LONGEST_ERROR - 1]}…"
    return f"{operation.outcome}: {error}" if error else str(operation.outcome)


def brief(value: Any) -> str:
    """
    *value* in a few characters: the first members of a list, the first block of a UUID.

    Of any other long text the beginning and the end are shown, for many differ at one of them only.
    """
    if isinstance(value, list | tuple):
        members = [brief(member) for member in value[:_MEMBERS]]
        left_out = len(value) - _MEMBERS
        return f"[{', '.join(members)}{f', … {left_out} more' if left_out > 0 else ''}]"
    text = str(value)
    if _UUID.fullmatch(text):
        return text.partition("-")[0]
    return text if len(text) <= _LONGEST else f"{text[:7]}…{text[-7:]}"
