"""Functions of vectors and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from pytest_labkit.monitoring.promql import floats
from pytest_labkit.monitoring.promql.errors import UnsupportedExpression
from pytest_labkit.monitoring.promql.vectors import Value, Vector, nameless, vector


def function(name: str) -> Callable[..., Value]:
    """What the function *name* does with its arguments. Raises `UnsupportedExpression` if it is not known."""
    if name in _OF_VECTORS:
        return _OF_VECTORS[name]
    if name not in _OF_EACH:
        raise UnsupportedExpression(f"the function {name}()")
    return partial(_of_each, name)


def _of_each(name: str, samples: Value, *numbers: Value) -> Value:
    if name.startswith("clamp") and _crossed(*numbers):
        return {}
    return each(samples, lambda value: _OF_EACH[name](value, *numbers))


def each(value: Value, do: Callable[[float], float]) -> Value:
    """*value* with *do* done to it, or to each of its samples, which lose their names."""
    return vector((nameless(s), do(v)) for s, v in value.items()) if isinstance(value, dict) else do(value)


def _crossed(*limits: Value) -> bool:
    """Whether the upper limit of clamp() is less than the lower."""
    return len(limits) == 2 and limits[1] < limits[0]  # type: ignore[operator]


def _scalar(samples: Vector) -> float:
    return next(iter(samples.values())) if len(samples) == 1 else math.nan


_OF_VECTORS: dict[str, Callable[..., Value]] = {
    "vector": lambda number: {frozenset(): number},
    "scalar": _scalar,
    "sort": lambda samples: samples,
    "sort_desc": lambda samples: samples,
}

_OF_EACH: dict[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": floats.ceil,
    "floor": floats.floor,
    "round": lambda value, nearest=1.0: floats.rounded(value, nearest),
    "sgn": floats.sign,
    "clamp": floats.clamped,
    "clamp_min": lambda value, low: floats.clamped(value, low, math.inf),
    "clamp_max": lambda value, high: floats.clamped(value, -math.inf, high),
}
