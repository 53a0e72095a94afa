"""Functions of a range of samples: `rate`, `changes`, `max_over_time` and the like."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from pytest_labkit.monitoring.promql import floats
from pytest_labkit.monitoring.promql.selectors import Range


def _extrapolated(over: Range, *, counter: bool, per_second: bool) -> float | None:
    """Prometheus' `extrapolatedRate`."""
    if len(over.samples) < 2:
        return None
    (first_at, first), (last_at, last) = over.samples[0], over.samples[-1]
    grown = last - first
    for before, after in pairwise(over.values):
        grown += before if counter and after < before else 0.0
    sampled, to_start, to_end = last_at - first_at, first_at - over.begin, over.end - last_at
    between = sampled / (len(over.samples) - 1)
    enough = between * 1.1
    to_start = between / 2 if to_start >= enough else to_start
    if counter and grown > 0 and first >= 0:  # a counter was not below 0 before
        to_start = min(sampled * (first / grown), to_start)
    to_end = between / 2 if to_end >= enough else to_end
    factor = (sampled + to_start + to_end) / sampled
    return grown * (factor / (over.end - over.begin) if per_second else factor)


def _last_two(over: Range, *, per_second: bool) -> float | None:
    if len(over.samples) < 2:
        return None
    (at, before), (later, after) = over.samples[-2:]
    if not per_second:
        return after - before
    return (after if after < before else after - before) / (later - at)


def _changes(over: Range) -> float:
    return float(sum(a != b and not (math.isnan(a) and math.isnan(b)) for a, b in pairwise(over.values)))


def _resets(over: Range) -> float:
    return float(sum(after < before for before, after in pairwise(over.values)))


OF_RANGES: dict[str, Callable[[Range], float | None]] = {
    "rate": lambda over: _extrapolated(over, counter=True, per_second=True),
    "increase": lambda over: _extrapolated(over, counter=True, per_second=False),
    "delta": lambda over: _extrapolated(over, counter=False, per_second=False),
    "irate": lambda over: _last_two(over, per_second=True),
    "idelta": lambda over: _last_two(over, per_second=False),
    "changes": _changes,
    "resets": _resets,
    "avg_over_time": lambda over: floats.mean(over.values),
    "min_over_time": lambda over: floats.least(over.values),
    "max_over_time": lambda over: floats.greatest(over.values),
    "sum_over_time": lambda over: floats.total(over.values),
    "count_over_time": lambda over: float(len(over.samples)),
    "last_over_time": lambda over: over.values[-1],
    "present_over_time": lambda _: 1.0,
}
