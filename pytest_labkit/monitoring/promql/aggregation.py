"""Aggregation of a vector: `sum by (job) (…)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_labkit.monitoring.promql import floats
from pytest_labkit.monitoring.promql.errors import UnsupportedExpression
from pytest_labkit.monitoring.promql.vectors import Vector, only, without
from pytest_labkit.monitoring.series import Labels

_OF_VALUES: dict[str, Callable[[list[float]], float]] = {
    "sum": floats.total,
    "avg": floats.mean,
    "min": floats.least,
    "max": floats.greatest,
    "count": lambda values: float(len(values)),
    "group": lambda _: 1.0,
}


def aggregated(name: str, samples: Vector, modifier: Any) -> Vector:
    """What the aggregation *name* makes of each group of *samples*."""
    if name not in _OF_VALUES:
        raise UnsupportedExpression(f"the aggregation {name}")
    groups: dict[Labels, list[float]] = {}
    for series, value in samples.items():
        groups.setdefault(_group(series, modifier), []).append(value)
    return {group: _OF_VALUES[name](values) for group, values in groups.items()}


def _group(series: Labels, modifier: Any) -> Labels:
    if modifier is None:
        return frozenset()
    choose = only if str(modifier.type).endswith("By") else without
    return choose(series, modifier.labels)
