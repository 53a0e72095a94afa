"""
The model answer to lab 4, part A: a circuit breaker. Part C listens to it.

A lock guards every decision and is never held while the function runs. Each change of state begins a new
era; a call remembers the era that it was let through in, and its outcome counts in no other. That takes
care of late calls, and in `HALF_OPEN`, where an era has one call, of all others.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

CLOSED, OPEN, HALF_OPEN = "CLOSED", "OPEN", "HALF_OPEN"


class Listener:
    """Hears what a breaker does. `changed` is called under the breaker's lock: it has to be quick."""

    def changed(self, before: str, after: str) -> None:
        """The state has changed."""

    def called(self, outcome: str) -> None:
        """A call has ended in `success` or `failure`, or was `rejected`."""


class CircuitBreaker:
    """
    Keeps callers from a function that fails.

    Args:
        failure_threshold: How many failures in a row open it.
        recovery_timeout: Seconds after opening until a call is let through to see how things are.
    """

    def __init__(self, failure_threshold: int = 5, recovery_timeout: float = 60) -> None:
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.failure_count = 0
        self.last_failure_time: float | None = None
        self._lock = threading.Lock()
        self._state = CLOSED
        self._era = 0
        self._opened_at = 0.0
        self.listener = Listener()

    @property
    def state(self) -> str:
        """`CLOSED`, `OPEN` or `HALF_OPEN`; it is `OPEN` until a call comes after the timeout."""
        return self._state

    def call(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What *func* returns or raises for these arguments; the fallback if it is not to be called now."""
        era = self._let_through()
        if era is None:
            self.listener.called("rejected")
            return self._fallback()
        try:
            result = func(*args, **kwargs)
        except Exception:
            self._on_failure(era)
            self.listener.called("failure")
            raise
        except BaseException:  # interrupted: that says nothing about the function, the next call may try
            self._on_interruption(era)
            raise
        self._on_success(era)
        self.listener.called("success")
        return result

    def _let_through(self) -> int | None:
        """The era in which the call begins, `None` if it may not."""
        with self._lock:
            if self._state == OPEN and self._should_attempt_reset():
                self._become(HALF_OPEN)
                return self._era
            return self._era if self._state == CLOSED else None

    def _should_attempt_reset(self) -> bool:
        # The monotonic clock: nobody can set it.
        return time.monotonic() - self._opened_at >= self.recovery_timeout

    def _on_success(self, era: int) -> None:
        with self._lock:
            if era != self._era:
                return
            self.failure_count = 0
            if self._state == HALF_OPEN:
                self._become(CLOSED)

    def _on_failure(self, era: int) -> None:
        with self._lock:
            if era != self._era:
                return
            self.failure_count += 1
            self.last_failure_time = time.monotonic()
            if self._state == HALF_OPEN or self.failure_count >= self.failure_threshold:
                self._opened_at = self.last_failure_time
                self._become(OPEN)

    def _on_interruption(self, era: int) -> None:
        with self._lock:
            if era == self._era and self._state == HALF_OPEN:
                self._become(OPEN)

    def _become(self, state: str) -> None:
        before, self._state = self._state, state
        self._era += 1
        self.listener.changed(before, state)

    def _fallback(self) -> dict[str, Any]:
        return {"status": "unavailable", "degraded": True}
