"""Rule files that others have published, and series that their expressions ask for."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_labkit.monitoring.promql.literals import fully_matches, pattern_of
from pytest_labkit.monitoring.promql.parsing import kind, nodes, parse
from tests.monitoring.promtool import Values

_FOLDERS = (*filter(None, os.environ.get("LABKIT_RULE_FILES", "").split(os.pathsep)), "/etc/prometheus/ceph")
_SCRAPES = 13
_GROUPING = re.compile(r"(?:by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)", re.IGNORECASE)
_SIGNS = re.compile(r"[\\^$?*+()\[\]]")


def files() -> list[Path]:
    """Those in the folders of `LABKIT_RULE_FILES`, and those of Debian's ceph-prometheus-alerts."""
    return sorted(file for folder in _FOLDERS for file in Path(folder).rglob("*.y*ml"))


def series(expr: str, seed: object) -> Values:
    """Two series for each selector of *expr*, which differ in `instance`, of values that *seed* gives."""
    chance = random.Random(f"{expr} {seed}")
    names = {name.strip() for names in _GROUPING.findall(expr) for name in names.split(",")}
    grouping = {name: "v" for name in names - {"__name__"} if re.fullmatch(r"\w+", name)}
    made = {}
    for node in nodes(parse(expr)):
        if kind(node) == "VectorSelector":
            asked = {matcher.name: _value(matcher) for matcher in node.matchers.matchers}
            name = node.name or asked.get("__name__") or "any"
            for instance in "12":
                found = {**grouping, "instance": instance, **asked}
                made[_written(name, found)] = list(_values(chance))
    return made


def _written(name: str, found: dict[str, str]) -> str:
    inside = (f'{key}="{value}"' for key, value in sorted(found.items()) if key != "__name__" and value)
    return f"{name}{{{','.join(inside)}}}"


def _value(matcher: Any) -> str:
    """One that *matcher* lets through, if it can be guessed."""
    operator = str(matcher.op).rpartition(".")[2]
    if operator == "Equal":
        return str(matcher.value)
    if operator == "NotEqual":
        return f"not_{matcher.value}"
    pattern = pattern_of(matcher)
    parts = [re.sub(r"\.[*+]", "x", part) for part in re.split(r"[|()]", pattern)]
    guesses = [_SIGNS.sub("", part).replace(".", dot) for part in parts for dot in ("5", ".")]
    return next((g for g in (*guesses, "x") if fully_matches(pattern, g) == (operator == "Re")), "other")


def _values(chance: random.Random) -> Iterator[float]:
    """A counter that is great enough not to begin within the range, or a gauge that begins at 0."""
    steps = [float(chance.choice([0, 0, 1, 5, 20, 100])) for _ in range(_SCRAPES)]
    if chance.random() < 0.5:
        yield from (10_000 + sum(steps[:n]) for n in range(_SCRAPES))
    else:
        yield from (0.0, *(chance.choice([0.01, 1, 1e9]) * step for step in steps[1:]))
