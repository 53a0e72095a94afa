"""Arithmetic on floats as Go and Prometheus have it: never an error, but an infinity or NaN."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def divided(a: float, b: float) -> float:
    """*a* / *b*; a number by 0 is an infinity."""
    if b:
        return a / b
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)


def remainder(a: float, b: float) -> float:
    """What is left of *a* divided by *b*, with the sign of *a*; NaN where there is none."""
    return math.nan if math.isinf(a) or b == 0 else math.fmod(a, b)


def power(a: float, b: float) -> float:
    """*a* to the power of *b*, as C's pow()."""
    negative = math.copysign(1.0, a) < 0 and math.fmod(b, 2) in (1, -1) if math.isfinite(b) else False
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if negative else math.inf
    except ValueError:  # a root of a number below 0, or 0 to a power below 0
        return math.nan if a else -math.inf if negative else math.inf


def greatest(values: Iterable[float]) -> float:
    """The greatest of *values*; NaN only if there is nothing else."""
    return max((v for v in values if not math.isnan(v)), default=math.nan)


def least(values: Iterable[float]) -> float:
    """The least of *values*; NaN only if there is nothing else."""
    return min((v for v in values if not math.isnan(v)), default=math.nan)


def total(values: Iterable[float]) -> float:
    """The sum, by Kahan's and Neumaier's summation."""
    found, lost = 0.0, 0.0
    for value in values:
        found, lost = _added(value, found, lost)
    return found + lost


def mean(values: Sequence[float]) -> float:
    """The mean; where the sum is too great for a float, that of the means before it."""
    found, lost = values[0], 0.0
    for count, value in enumerate(values[1:], 2):
        more = _added(value, found, lost)
        if math.isinf(more[0]):
            return _incremental(values[count - 1 :], count, found / (count - 1), lost / (count - 1))
        found, lost = more
    return found / len(values) + lost / len(values)


def _incremental(values: Sequence[float], count: int, found: float, lost: float) -> float:
    """The mean of *count* - 1 values whose mean is *found*, and of *values*."""
    for n, value in enumerate(values, count):
        weight = (n - 1) / n
        found, lost = _added(value / n, weight * found, weight * lost)
    return found + lost


def _added(value: float, found: float, lost: float) -> tuple[float, float]:
    """*found* + *value*, and what rounding has lost of it so far."""
    sum_ = found + value
    if math.isinf(sum_):
        return sum_, 0.0
    great, small = (found, value) if abs(found) >= abs(value) else (value, found)
    return sum_, lost + ((great - sum_) + small)


def rounded(value: float, nearest: float) -> float:
    """To the nearest multiple of *nearest*, a half upwards."""
    inverse = divided(1.0, nearest)
    return divided(floor(value * inverse + 0.5), inverse)


def floor(value: float) -> float:
    """The whole number that is not greater."""
    return math.copysign(math.floor(value), value) if math.isfinite(value) else value


def ceil(value: float) -> float:
    """The whole number that is not less."""
    return math.copysign(math.ceil(value), value) if math.isfinite(value) else value


def sign(value: float) -> float:
    """-1, 0 or 1; NaN of NaN."""
    return math.copysign(1.0, value) if value < 0 or value > 0 else value


def clamped(value: float, low: float, high: float) -> float:
    """*value*, no less than *low* and no more than *high*."""
    return _max(low, _min(high, value))


def _min(a: float, b: float) -> float:
    """Go's math.Min: NaN if one is NaN, unless the other is -Inf."""
    return -math.inf if -math.inf in (a, b) else math.nan if math.isnan(a + b) else min(a, b)


def _max(a: float, b: float) -> float:
    """Go's math.Max: NaN if one is NaN, unless the other is +Inf."""
    return -_min(-a, -b)
