"""Which series of a `History` a selector chooses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from pytest_labkit.monitoring.promql.errors import UnsupportedExpression
from pytest_labkit.monitoring.promql.literals import fully_matches, pattern_of
from pytest_labkit.monitoring.promql.parsing import bare, kind
from pytest_labkit.monitoring.promql.vectors import Vector
from pytest_labkit.monitoring.series import History, Labels, Sample


class Range(NamedTuple):
    """The samples of a series that are later than *begin* and no later than *end*."""

    samples: list[Sample]
    begin: float
    end: float

    @property
    def values(self) -> list[float]:
        """What was sampled."""
        return [value for _, value in self.samples]


def instant(selector: Any, history: History, at: float) -> Vector:
    """The series that *selector* chooses, with their values *at* that time."""
    found = history.now(at - _offset(selector))
    return {series: value for series, value in found if _matches(selector, series)}


def ranged(node: Any, history: History, at: float) -> list[tuple[Labels, Range]]:
    """The series that a range selector chooses, with their samples in that range before *at*."""
    node = bare(node)
    if kind(node) != "MatrixSelector":
        raise UnsupportedExpression(f"a range other than that of a selector: {node}")
    selector = node.vector_selector
    end = at - _offset(selector)
    begin = end - node.range.total_seconds()
    found = history.during(begin, end)
    return [(series, Range(samples, begin, end)) for series, samples in found if _matches(selector, series)]


def told(node: Any) -> Labels:
    """The labels that `absent` gives: those that a selector asks for by one `=`, after all else."""
    node = bare(node)
    if kind(node) == "MatrixSelector":
        node = node.vector_selector
    if kind(node) != "VectorSelector":
        return frozenset()
    found: dict[str, str] = {}
    equal: set[str] = set()
    for matcher in node.matchers.matchers:
        if _operator(matcher) == "Equal" and matcher.name not in equal:
            found[matcher.name] = matcher.value
            equal.add(matcher.name)
        else:  # one name twice is none, unless the one `=` comes last
            found.pop(matcher.name, None)
    return frozenset((name, value) for name, value in found.items() if value and name != "__name__")


def _offset(selector: Any) -> float:
    if selector.at is not None:
        raise UnsupportedExpression("the @ modifier")
    return selector.offset.total_seconds() if isinstance(selector.offset, timedelta) else 0.0


def _matches(selector: Any, series: Labels) -> bool:
    if selector.matchers.or_matchers:
        raise UnsupportedExpression("matchers joined by or")
    found = dict(series)
    if selector.name is not None and found.get("__name__") != selector.name:
        return False
    return all(_match(m, found.get(m.name, "")) for m in selector.matchers.matchers)


def _match(matcher: Any, value: str) -> bool:
    match _operator(matcher):
        case "Equal":
            return bool(value == matcher.value)
        case "NotEqual":
            return bool(value != matcher.value)
        case "Re":
            return fully_matches(pattern_of(matcher), value)
        case _:
            return not fully_matches(pattern_of(matcher), value)


def _operator(matcher: Any) -> str:
    return str(matcher.op).rpartition(".")[2]
