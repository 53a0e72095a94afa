"""Numbers as Prometheus' templates show them to people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pytest_labkit.monitoring.templates.errors import ExpansionFailed
from pytest_labkit.monitoring.templates.printing import kind, sprintf

_GREAT: Sequence[str] = ("", *"kMGTPEZY")
_SMALL: Sequence[str] = ("", *"munpfazy")
_BINARY = ("", *(f"{letter}i" for letter in "kMGTPEZY"))


def as_float(value: Any) -> float:
    """*value*, a number or the text of one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ExpansionFailed(f"can't convert {kind(value)} to float")
    try:
        if isinstance(value, str) and (value != value.strip() or "_" in value):
            raise ValueError  # noqa: TRY301 - Python takes these, Go does not
        return float(value)
    except ValueError:
        raise ExpansionFailed(f'strconv.ParseFloat: parsing "{value}": invalid syntax') from None


def humanize(value: Any) -> str:
    """With a metric prefix."""
    number = as_float(value)
    if number == 0 or not math.isfinite(number):
        return _short(number)
    return _divided(number, _GREAT, 1000) if abs(number) >= 1 else _multiplied(number)


def humanize1024(value: Any) -> str:
    """With a prefix of 1024."""
    number = as_float(value)
    return (
        _short(number) if abs(number) <= 1 or not math.isfinite(number) else _divided(number, _BINARY, 1024)
    )


def humanize_percentage(value: Any) -> str:
    """A ratio, in percent."""
    return f"{_short(as_float(value) * 100)}%"


def humanize_duration(value: Any) -> str:
    """Seconds, in days, hours, minutes and seconds."""
    number = as_float(value)
    if not math.isfinite(number):
        return _short(number)
    if abs(number) < 1:
        return f"{_multiplied(number) if number else _short(number)}s"
    sign, number = "-" if number < 0 else "", abs(number)
    minutes, seconds = divmod(int(number), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days}d", f"{hours}h", f"{minutes}m", f"{seconds}s"]
    first = next((n for n, part in enumerate((days, hours, minutes)) if part), None)
    return f"{sign}{_short(number)}s" if first is None else sign + " ".join(parts[first:])


def humanize_timestamp(value: Any) -> str:
    """Seconds since 1970, as a time."""
    number = as_float(value)
    if not math.isfinite(number):
        return _short(number)
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=math.floor(number * 1000))
    except OverflowError:
        raise ExpansionFailed(f"{number} cannot be represented as a nanoseconds timestamp") from None
    fraction = f".{at.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{at:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"


def _short(number: float) -> str:
    return sprintf("%.4g", [number])


def _divided(number: float, prefixes: Sequence[str], size: int) -> str:
    used: int = 0
    while abs(number) >= size and used < len(prefixes) - 1:
        number, used = number / size, used + 1
    return _short(number) + prefixes[used]


def _multiplied(number: float) -> str:
    used = 0
    while abs(number) < 1 and used < len(_SMALL) - 1:
        number, used = number * 1000, used + 1
    return _short(number) + _SMALL[used]
