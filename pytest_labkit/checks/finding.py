"""
What a judge found, and its evidence as a small timeline in plain text.

A line for each operation, ordered by start, with offsets in milliseconds:

      0.0 -    4.1 ms  w1  append(expected_version=0, batch=[a])  ok
      0.3 -    5.0 ms  w2  append(expected_version=0, batch=[b])  failed: ConcurrencyError: expected 0 …
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pytest_labkit.errors import Mistake
from pytest_labkit.history import Operation, Outcome

_MEMBERS = 4  # of a list that are shown
_LONGEST = 16  # characters of a value
_LONGEST_ERROR = 60


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

    def mistake(self, checked: str, perhaps: str | None = None) -> Mistake:
        """The finding as a failed criterion tells it, with the timeline of its evidence."""
        return Mistake(
            checked=checked, expected=self.expected, got=f"{self.got}\n{timeline(self)}", perhaps=perhaps
        )


def timeline(finding: Finding) -> str:
    """The evidence of *finding*, a line for each operation, eight lines at most."""
    return render(finding.evidence)


def render(operations: Iterable[Operation], *, lines: int = 8) -> str:
    """
    The timeline of *operations*; offsets count from the first start.

    Of more than *lines* operations the last line says how many are left out.
    """
    ordered = sorted(operations, key=lambda operation: operation.start)
    if not ordered:
        return "(no operation)"
    shown = ordered if len(ordered) <= lines else ordered[: lines - 1]
    zero = ordered[0].start
    spans = [_span(operation, zero) for operation in shown]
    processes = _padded(operation.process for operation in shown)
    calls = _padded(_call(operation) for operation in shown)
    told = [
        f"{span}  {process}  {call}  {_end(operation)}"
        for span, process, call, operation in zip(spans, processes, calls, shown, strict=True)
    ]
    if len(shown) < len(ordered):
        told.append(f"… and {len(ordered) - len(shown)} more")
    return "\n".join(told)


def _span(operation: Operation, zero: float) -> str:
    start, end = (operation.start - zero) * 1000, (operation.end - zero) * 1000
    return f"{start:7.1f} - {'     …' if math.isinf(end) else f'{end:7.1f}'} ms"


def _padded(texts: Iterable[str]) -> list[str]:
    texts = list(texts)
    width = max(map(len, texts))
    return [text.ljust(width) for text in texts]


def _call(operation: Operation) -> str:
    arguments = ", ".join(f"{name}={brief(value)}" for name, value in operation.args.items())
    return f"{operation.name}({arguments})"


def _end(operation: Operation) -> str:
    """How it ended: what a call returned, or why it did not."""
    if operation.outcome is Outcome.OK:
        return "ok" if operation.value is None else f"ok: {brief(operation.value)}"
    if math.isinf(operation.end):
        return "has not ended"
    error = (operation.error or "").partition("\n")[0]
    error = error if len(error) <= _LONGEST_ERROR else f"{error[: _LONGEST_ERROR - 1]}…"
    return f"{operation.outcome}: {error}" if error else str(operation.outcome)


def brief(value: Any) -> str:
    """*value* in a few characters: of a list the first members, of a long id its beginning and its end."""
    if isinstance(value, list | tuple):
        members = [brief(member) for member in value[:_MEMBERS]]
        left_out = len(value) - _MEMBERS
        return f"[{', '.join(members)}{f', … {left_out} more' if left_out > 0 else ''}]"
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:7]}…{text[-7:]}"
