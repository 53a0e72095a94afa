"""Don't change this file: callers of your code in its own process."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def state(breaker: Any) -> Any:
    """The state of *breaker*, as a plain string if it is any string, such as a member of a `StrEnum`."""
    found = breaker.state
    return str.__str__(found) if isinstance(found, str) else found


def with_fallback(fallback: Callable[[], Any], failure_threshold: int, recovery_timeout: float) -> Any:
    """A breaker of a subclass whose `_fallback` is *fallback*."""
    module = importlib.import_module("labs.lab4.circuit_breaker")

    class OwnFallback(module.CircuitBreaker):
        def _fallback(self, *args: Any, **kwargs: Any) -> Any:
            return fallback()

    return OwnFallback(failure_threshold, recovery_timeout)
