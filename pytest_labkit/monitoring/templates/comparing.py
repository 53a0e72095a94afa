"""The comparisons of Go's templates: only like is compared with like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_labkit.monitoring.templates.errors import ExpansionFailed

_BASIC = (bool, int, float, str)


def equal(*values: Any) -> bool:
    """Whether the first is equal to one of the others."""
    first, *others = values
    if not others:
        raise ExpansionFailed("error calling eq: missing argument for comparison")
    return any(_like(first, other) and first == other for other in others)


def less(a: Any, b: Any) -> bool:
    """Whether *a* is less than *b*."""
    if not _like(a, b) or a is None or isinstance(a, bool):
        raise ExpansionFailed("error calling lt: invalid type for comparison")
    return bool(a < b)


COMPARISONS: dict[str, Callable[..., bool]] = {
    "eq": equal,
    "ne": lambda a, b: not equal(a, b),
    "lt": less,
    "le": lambda a, b: less(a, b) or equal(a, b),
    "gt": lambda a, b: not less(a, b) and not equal(a, b),
    "ge": lambda a, b: not less(a, b),
}


def _like(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    if type(a) not in _BASIC or type(b) not in _BASIC:
        raise ExpansionFailed("non-comparable type")
    if type(a) is not type(b):
        raise ExpansionFailed("incompatible types for comparison")
    return True
