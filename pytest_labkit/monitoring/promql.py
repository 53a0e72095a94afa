"""
PromQL over a `History`: what a rule's expression gives at a time.

Parsed by `promql-parser`; evaluated as Prometheus 3 does. What is not known here raises
`UnsupportedExpression`: no verdict may follow from it. `tests/monitoring` holds it to the real `promtool`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import promql_parser as ast

from pytest_labkit.domain.errors import KitError
from pytest_labkit.monitoring.series import History, Labels, Sample

Vector = dict[Labels, float]
Value = float | Vector


class UnsupportedExpression(KitError):
    """An expression that Prometheus knows and this evaluator does not."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The kit cannot evaluate {what}.", "Write the rule without it.")


def evaluate(expr: str, history: History, at: float) -> Vector:
    """
    What *expr* gives over *history* *at* that time; a number is a vector without labels.

    Raises:
        UnsupportedExpression: It needs what is not known here.
    """
    found = _Evaluation(history, at).value(_parsed(expr))
    return found if isinstance(found, dict) else {frozenset(): found}


@cache
def _parsed(expr: str) -> Any:
    return ast.parse(expr)


class _Evaluation:
    def __init__(self, history: History, at: float) -> None:
        self._history = history
        self._at = at

    def value(self, node: Any) -> Value:
        match type(node).__name__:
            case "NumberLiteral":
                return float(node.val)
            case "ParenExpr":
                return self.value(node.expr)
            case "UnaryExpr":
                return _each(self.value(node.expr), operator.neg)
            case "VectorSelector":
                return self._selected(node)
            case "AggregateExpr":
                return self._aggregate(node)
            case "Call":
                return self._call(node)
            case "BinaryExpr":
                return self._binary(node)
            case other:
                raise UnsupportedExpression(f"a {other}")

    def vector(self, node: Any) -> Vector:
        found = self.value(node)
        if not isinstance(found, dict):
            raise UnsupportedExpression(f"a number where a vector is asked for: {node}")
        return found

    # Selectors

    def _selected(self, node: Any) -> Vector:
        at = self._at - _offset(node)
        return {series: value for series, value in self._history.now(at) if _matches(node, series)}

    def _ranged(self, node: Any) -> tuple[dict[Labels, list[Sample]], float, float]:
        """The series of a range selector, and when its range begins and ends."""
        if type(node).__name__ != "MatrixSelector":
            raise UnsupportedExpression(f"a range other than that of a selector: {node}")
        selector = node.vector_selector
        end = self._at - _offset(selector)
        begin = end - node.range.total_seconds()
        found = {s: v for s, v in self._history.during(begin, end) if _matches(selector, s)}
        return found, begin, end

    # Functions

    def _call(self, node: Any) -> Value:
        name = node.func.name
        if name in _OVER_TIME:
            found, begin, end = self._ranged(node.args[-1])
            results = {s: _OVER_TIME[name](samples, begin, end) for s, samples in found.items()}
            named = name == "last_over_time"
            return {s if named else nameless(s): v for s, v in results.items() if v is not None}
        if name in _EACH and len(node.args) == 1:
            return _nameless_all(_each(self.value(node.args[0]), _EACH[name]))
        match name:
            case "time":
                return self._at
            case "vector":
                value = self.value(node.args[0])
                return value if isinstance(value, dict) else {frozenset(): value}
            case "scalar":
                values = list(self.vector(node.args[0]).values())
                return values[0] if len(values) == 1 else math.nan
            case "absent":
                return {} if self.vector(node.args[0]) else {_told(node.args[0]): 1.0}
            case "clamp_min" | "clamp_max":
                limit, choose = self.value(node.args[1]), max if name == "clamp_min" else min
                if isinstance(limit, dict):
                    raise UnsupportedExpression(f"{name} with a vector as its limit")
                return _nameless_all(_each(self.value(node.args[0]), lambda v: choose(v, limit)))
            case _:
                raise UnsupportedExpression(f"the function {name}()")

    # Aggregation

    def _aggregate(self, node: Any) -> Vector:
        name = str(node.op)
        if name not in _AGGREGATE:
            raise UnsupportedExpression(f"the aggregation {name}")
        groups: dict[Labels, list[float]] = {}
        for series, value in self.vector(node.expr).items():
            groups.setdefault(_group(series, node.modifier), []).append(value)
        return {group: _AGGREGATE[name](values) for group, values in groups.items()}

    # Operators

    def _binary(self, node: Any) -> Value:
        name = str(node.op).split()[0]
        left, right = self.value(node.lhs), self.value(node.rhs)
        modifier = node.modifier
        if name in ("and", "or", "unless"):
            return _set_operation(name, _as_vector(left), _as_vector(right), _key_of(modifier))
        is_comparison, as_bool = name in _COMPARE, modifier is not None and modifier.return_bool
        if isinstance(left, dict) and isinstance(right, dict):
            pairs = _matched(left, right, modifier)
        elif isinstance(left, dict):
            pairs = [(series, value, float(right), value) for series, value in left.items()]  # type: ignore[arg-type]
        elif isinstance(right, dict):
            pairs = [(series, left, value, value) for series, value in right.items()]
        else:
            return _number(name, left, right)
        if not is_comparison:
            return {nameless(series): _arithmetic(name, a, b) for series, a, b, _ in pairs}
        if as_bool:
            return {nameless(series): float(_COMPARE[name](a, b)) for series, a, b, _ in pairs}
        return {series: kept for series, a, b, kept in pairs if _COMPARE[name](a, b)}


# What selectors choose


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
    kind = str(matcher.op).rpartition(".")[2]
    if kind in ("Equal", "NotEqual"):
        return bool((value == matcher.value) == (kind == "Equal"))
    return (re.fullmatch(matcher.value, value) is not None) == (kind == "Re")


def _told(node: Any) -> Labels:
    """The labels that a selector asks for by `=`, which `absent` gives."""
    selector = node
    while type(selector).__name__ == "ParenExpr":
        selector = selector.expr
    if type(selector).__name__ != "VectorSelector":
        return frozenset()
    return frozenset((m.name, m.value) for m in selector.matchers.matchers if str(m.op).endswith(".Equal"))


# Ranges; the arithmetic of rate() is that of Prometheus' `extrapolatedRate`


def _extrapolated(
    samples: list[Sample], begin: float, end: float, *, counter: bool, per_second: bool
) -> float | None:
    if len(samples) < 2:
        return None
    (first_at, first), (last_at, last) = samples[0], samples[-1]
    grown = last - first
    if counter:
        values = [value for _, value in samples]
        grown += sum(before for before, after in pairwise(values) if after < before)
    sampled, to_start, to_end = last_at - first_at, first_at - begin, end - last_at
    mean = sampled / (len(samples) - 1)
    enough = mean * 1.1
    to_start = mean / 2 if to_start >= enough else to_start
    if counter and grown > 0 and first >= 0:  # a counter was not below 0 before
        to_start = min(to_start, sampled * (first / grown))
    to_end = mean / 2 if to_end >= enough else to_end
    factor = (sampled + to_start + to_end) / sampled
    return grown * factor / (end - begin if per_second else 1.0)


def _last_two(samples: list[Sample], *, rate: bool) -> float | None:
    if len(samples) < 2:
        return None
    (at, before), (later, after) = samples[-2:]
    if not rate:
        return after - before
    return (after if after < before else after - before) / (later - at)


def _changes(samples: list[Sample], *, down_only: bool = False) -> float:
    values = [value for _, value in samples]
    pairs = pairwise(values)
    return float(sum(b < a if down_only else a != b for a, b in pairs))


def _of_values(make: Callable[[list[float]], float]) -> Callable[[list[Sample], float, float], float]:
    return lambda samples, _begin, _end: make([value for _, value in samples])


_OVER_TIME: dict[str, Callable[[list[Sample], float, float], float | None]] = {
    "rate": lambda s, b, e: _extrapolated(s, b, e, counter=True, per_second=True),
    "increase": lambda s, b, e: _extrapolated(s, b, e, counter=True, per_second=False),
    "delta": lambda s, b, e: _extrapolated(s, b, e, counter=False, per_second=False),
    "irate": lambda s, _b, _e: _last_two(s, rate=True),
    "idelta": lambda s, _b, _e: _last_two(s, rate=False),
    "changes": lambda s, _b, _e: _changes(s),
    "resets": lambda s, _b, _e: _changes(s, down_only=True),
    "avg_over_time": _of_values(lambda v: sum(v) / len(v)),
    "min_over_time": _of_values(min),
    "max_over_time": _of_values(max),
    "sum_over_time": _of_values(sum),
    "count_over_time": _of_values(lambda v: float(len(v))),
    "last_over_time": _of_values(lambda v: v[-1]),
    "present_over_time": _of_values(lambda _: 1.0),
}

_EACH: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "ceil": lambda v: float(math.ceil(v)) if math.isfinite(v) else v,
    "floor": lambda v: float(math.floor(v)) if math.isfinite(v) else v,
    "round": lambda v: float(math.floor(v + 0.5)) if math.isfinite(v) else v,
    "sgn": lambda v: math.copysign(1.0, v) if v else v,
    "sort": lambda v: v,
    "sort_desc": lambda v: v,
}

_AGGREGATE: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
    "group": lambda _: 1.0,
}


# Labels and operators


def nameless(series: Labels) -> Labels:
    """The labels of *series* without its name."""
    return frozenset(label for label in series if label[0] != "__name__")


def _nameless_all(value: Value) -> Value:
    return {nameless(s): v for s, v in value.items()} if isinstance(value, dict) else value


def _each(value: Value, do: Callable[[float], float]) -> Value:
    return {nameless(s): do(v) for s, v in value.items()} if isinstance(value, dict) else do(value)


def _as_vector(value: Value) -> Vector:
    if not isinstance(value, dict):
        raise UnsupportedExpression("and, or or unless with a number")
    return value


def _group(series: Labels, modifier: Any) -> Labels:
    if modifier is None:
        return frozenset()
    by = str(modifier.type).endswith("By")
    return frozenset(
        label for label in series if label[0] != "__name__" and (label[0] in modifier.labels) == by
    )


def _key_of(modifier: Any) -> Callable[[Labels], Labels]:
    """What two series have to have in common to be a pair."""
    matching = modifier.matching if modifier is not None else None
    if matching is None:
        return nameless
    on = str(matching.type).endswith("Include")
    names = set(matching.labels)
    return lambda s: frozenset(label for label in nameless(s) if (label[0] in names) == on)


def _matched(left: Vector, right: Vector, modifier: Any) -> list[tuple[Labels, float, float, float]]:
    """Pairs: the labels of the result, both values, and the one that a comparison keeps."""
    card = str(modifier.card).rpartition(".")[2] if modifier is not None else "OneToOne"
    if card not in ("OneToOne", "ManyToOne", "OneToMany"):
        raise UnsupportedExpression(f"a match {card}")
    key, swapped = _key_of(modifier), card == "OneToMany"
    many, one = (right, left) if swapped else (left, right)
    ones: dict[Labels, float] = {}
    for series, value in one.items():
        if key(series) in ones:
            raise UnsupportedExpression(f"a match of several series with {dict(key(series))}")
        ones[key(series)] = value
    pairs, seen = [], set()
    for series, value in many.items():
        if (found := ones.get(key(series))) is None:
            continue
        if card == "OneToOne" and key(series) in seen:
            raise UnsupportedExpression(f"a match of several series with {dict(key(series))}")
        seen.add(key(series))
        if card != "OneToOne" and modifier.group_labels:
            raise UnsupportedExpression("group_left with labels")
        explicit = modifier is not None and modifier.matching is not None and card == "OneToOne"
        labels = key(series) if explicit else series
        a, b = (found, value) if swapped else (value, found)
        pairs.append((labels, a, b, a))
    return pairs


def _set_operation(name: str, left: Vector, right: Vector, key: Callable[[Labels], Labels]) -> Vector:
    if name == "or":
        there = {key(series) for series in left}
        return left | {series: value for series, value in right.items() if key(series) not in there}
    others = {key(series) for series in right}
    return {series: value for series, value in left.items() if (key(series) in others) == (name == "and")}


def _divided(a: float, b: float) -> float:
    if b:
        return a / b
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)


_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": lambda a, b: math.fmod(a, b) if b else math.nan,
    "^": lambda a, b: float(a**b),
}
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


def _arithmetic(name: str, a: float, b: float) -> float:
    if name not in _ARITHMETIC:
        raise UnsupportedExpression(f"the operator {name}")
    return _ARITHMETIC[name](a, b)


def _number(name: str, a: float, b: float) -> float:
    return float(_COMPARE[name](a, b)) if name in _COMPARE else _arithmetic(name, a, b)
