"""Instant vectors, and the labels of their series."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_labkit.monitoring.promql.errors import FailedExpression
from pytest_labkit.monitoring.series import Labels

Vector = dict[Labels, float]
Value = float | Vector


def vector(samples: Iterable[tuple[Labels, float]]) -> Vector:
    """The vector of *samples*. Raises `FailedExpression` if two of them have the same labels."""
    made: Vector = {}
    for series, value in samples:
        if series in made:
            raise FailedExpression("vector cannot contain metrics with the same labelset")
        made[series] = value
    return made


def nameless(series: Labels) -> Labels:
    """The labels of *series* without its name."""
    return frozenset(label for label in series if label[0] != "__name__")


def only(series: Labels, names: Iterable[str]) -> Labels:
    """Those labels of *series* that are among *names*."""
    kept = set(names)
    return frozenset(label for label in series if label[0] in kept)


def without(series: Labels, names: Iterable[str]) -> Labels:
    """The labels of *series* that are not among *names*, its name left out as well."""
    dropped = {"__name__", *names}
    return frozenset(label for label in series if label[0] not in dropped)


def written(series: Labels) -> str:
    """As Prometheus shows it: `up{job="a"}`."""
    inside = ", ".join(f'{key}="{value}"' for key, value in sorted(nameless(series)))
    return f"{dict(series).get('__name__', '')}{{{inside}}}"
