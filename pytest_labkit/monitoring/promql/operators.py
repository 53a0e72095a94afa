"""Binary operators: arithmetic, comparisons and sets, with the matching of vectors."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pytest_labkit.monitoring.promql import floats
from pytest_labkit.monitoring.promql.errors import FailedExpression, UnsupportedExpression
from pytest_labkit.monitoring.promql.vectors import Value, Vector, nameless, only, vector, without, written
from pytest_labkit.monitoring.series import Labels

_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": floats.divided,
    "%": floats.remainder,
    "^": floats.power,
    "atan2": math.atan2,
}
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_SETS = ("and", "or", "unless")


class _Pair(NamedTuple):
    """Two values, the labels of what comes of them, and the one that a comparison keeps."""

    labels: Labels
    left: float
    right: float
    kept: float
    match: Labels | None = None


def binary(node: Any, left: Value, right: Value) -> Value:
    """What the operator of *node* makes of its sides."""
    name, modifier = str(node.op).split()[0], node.modifier
    if name not in (*_ARITHMETIC, *_COMPARISONS, *_SETS):
        raise UnsupportedExpression(f"the operator {name}")
    if modifier is not None and (modifier.fill_values.lhs, modifier.fill_values.rhs) != (None, None):
        raise UnsupportedExpression("the modifier fill")
    if isinstance(left, dict) and isinstance(right, dict):
        if name in _SETS:
            return _set(name, left, right, _key(modifier))
        matching = _Matching(modifier)
        return matching.checked(_kept(name, matching.pairs(left, right), modifier))
    if isinstance(left, dict):
        return vector(_samples(_kept(name, (_Pair(s, v, right, v) for s, v in left.items()), modifier)))  # type: ignore[arg-type]
    if isinstance(right, dict):
        return vector(_samples(_kept(name, (_Pair(s, left, v, v) for s, v in right.items()), modifier)))
    return float((_ARITHMETIC | _COMPARISONS)[name](left, right))  # type: ignore[operator]


def _samples(pairs: Iterator[_Pair]) -> Iterator[tuple[Labels, float]]:
    return ((pair.labels, pair.kept) for pair in pairs)


def _kept(name: str, pairs: Iterator[_Pair], modifier: Any) -> Iterator[_Pair]:
    """The *pairs* that give something, with what they give as the value that is kept."""
    as_bool = modifier is not None and modifier.return_bool
    for pair in pairs:
        if name in _ARITHMETIC:
            made = _ARITHMETIC[name](pair.left, pair.right)
            yield pair._replace(labels=nameless(pair.labels), kept=made)
        elif as_bool:
            holds = float(_COMPARISONS[name](pair.left, pair.right))
            yield pair._replace(labels=nameless(pair.labels), kept=holds)
        elif _COMPARISONS[name](pair.left, pair.right):
            yield pair


def _set(name: str, left: Vector, right: Vector, key: Callable[[Labels], Labels]) -> Vector:
    if name == "or":
        there = {key(series) for series in left}
        return left | {series: value for series, value in right.items() if key(series) not in there}
    others = {key(series) for series in right}
    return {series: value for series, value in left.items() if (key(series) in others) == (name == "and")}


def _key(modifier: Any) -> Callable[[Labels], Labels]:
    """What two series have to have in common to be a pair."""
    matching = modifier.matching if modifier is not None else None
    if matching is None:
        return nameless
    choose = only if str(matching.type).endswith("Include") else without
    return lambda series: choose(series, matching.labels)


class _Matching:
    """How series of two vectors become pairs: one to one, or many to one."""

    def __init__(self, modifier: Any) -> None:
        card = str(modifier.card).rpartition(".")[2] if modifier is not None else "OneToOne"
        if card not in ("OneToOne", "ManyToOne", "OneToMany"):
            raise UnsupportedExpression(f"a match {card}")
        self._matching = modifier.matching if modifier is not None else None
        self._key = _key(modifier)
        self._one_to_one, self._swapped = card == "OneToOne", card == "OneToMany"
        self._included = () if self._one_to_one else tuple(modifier.group_labels or ())

    def pairs(self, left: Vector, right: Vector) -> Iterator[_Pair]:
        """The pairs of the two."""
        many, one = (right, left) if self._swapped else (left, right)
        ones = self._by_key(one) if many else {}
        for series, value in many.items():
            if (match := self._key(series)) in ones:
                other, found = ones[match]
                a, b = (found, value) if self._swapped else (value, found)
                yield _Pair(self._labels(series, other), a, b, a, match)

    def _by_key(self, one: Vector) -> dict[Labels, tuple[Labels, float]]:
        found: dict[Labels, tuple[Labels, float]] = {}
        for series, value in one.items():
            match = self._key(series)
            if match in found:
                side = "left" if self._swapped else "right"
                both = ", ".join(sorted((written(found[match][0]), written(series))))
                raise FailedExpression(
                    f"found duplicate series for the match group {written(match)} on the {side} hand-side of "
                    f"the operation: [{both}];many-to-many matching not allowed: matching labels must be "
                    "unique on one side"
                )
            found[match] = series, value
        return found

    def _labels(self, series: Labels, other: Labels) -> Labels:
        if self._one_to_one and self._matching is not None:
            if str(self._matching.type).endswith("Include"):
                return only(series, self._matching.labels)
            return frozenset(label for label in series if label[0] not in self._matching.labels)
        kept = (label for label in series if label[0] not in self._included)
        return frozenset((*kept, *only(other, self._included)))

    def checked(self, pairs: Iterator[_Pair]) -> Vector:
        """The vector of *pairs*; of one to one, each match is there once."""
        seen: set[Any] = set()
        made = []
        for pair in pairs:
            once = pair.match if self._one_to_one else (pair.match, pair.labels)
            if once in seen:
                raise FailedExpression(f"multiple matches for labels: {self._rule}")
            seen.add(once)
            made.append(pair)
        return vector(_samples(iter(made)))

    @property
    def _rule(self) -> str:
        if self._one_to_one:
            return "many-to-one matching must be explicit (group_left/group_right)"
        return "grouping labels must ensure unique matches"
