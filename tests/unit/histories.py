"""Histories written by hand: a line for each operation, with times in milliseconds."""

from __future__ import annotations

import math
import re

from pytest_labkit.checks import Finding
from pytest_labkit.checks.history import Operation, Outcome

_LINE = re.compile(r"(\w+) +(\d+)-(\d*) +(\w+)\(([^)]*)\) +(ok|failed|unknown)(?:: *(.*))?")


def history(text: str, *args: str, listed: bool = True) -> list[Operation]:
    """
    The operations in *text*, such as `p1 0-4 send(k, a) ok` and `c1 5-6 receive() ok: a b`.

    What stands in brackets are the arguments, named *args* in their order; what was returned is a list of
    words where *listed*, else one word.
    """
    return [_operation(line, args, listed) for line in text.strip().splitlines()]


def _operation(line: str, names: tuple[str, ...], listed: bool) -> Operation:
    found = _LINE.fullmatch(line.strip())
    assert found is not None, line
    process, start, end, name, arguments, outcome, value = found.groups()
    values = [word.strip() for word in arguments.split(",") if word.strip()]
    words = (value or "").split()
    return Operation(
        process,
        name,
        {key: None if word == "-" else word for key, word in zip(names, values, strict=False)},
        int(start) / 1000,
        int(end) / 1000 if end else math.inf,
        Outcome(outcome),
        value=None if value is None else words if listed else words[0],
    )


def told(finding: Finding | None) -> tuple[str, str, str, list[str]]:
    """What a finding says, and whose operations it shows."""
    assert finding is not None
    return finding.anomaly, finding.expected, finding.got, [o.process for o in finding.evidence]
