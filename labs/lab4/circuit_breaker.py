"""
Lab 4, part A: a circuit breaker.

    CLOSED    --so many failures in a row----> OPEN
    OPEN      --a call after the timeout-----> HALF_OPEN
    HALF_OPEN --that call succeeds-----------> CLOSED
    HALF_OPEN --that call fails--------------> OPEN

Many threads use one breaker. `call` below is a start that does for one of them.
"""

from collections.abc import Callable
from typing import Any

CLOSED, OPEN, HALF_OPEN = "CLOSED", "OPEN", "HALF_OPEN"


class CircuitBreaker:
    """
    Keeps callers from a function that fails. Promises A1.1, A1.2, A2.1, A2.2 in README.md.

    Args:
        failure_threshold: How many failures in a row open it.
        recovery_timeout: Seconds after opening until a call is let through to see how things are.
    """

    def __init__(self, failure_threshold: int = 5, recovery_timeout: float = 60) -> None:
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.state = CLOSED
        self.failure_count = 0
        self.last_failure_time: Any = None

    def call(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """
        What *func* returns or raises for these arguments; the fallback if it is not to be called now.

        Promises A1.3 to A1.5, A3.1 to A3.7, A5.1 to A5.4 in README.md.
        """
        # TODO A3: what do two threads see that come to this line at the same moment?
        if self.state == OPEN:
            if not self._should_attempt_reset():
                return self._fallback()
            self.state = HALF_OPEN
        try:
            result = func(*args, **kwargs)
        except Exception:
            self._on_failure()
            raise
        self._on_success()
        return result

    def _should_attempt_reset(self) -> bool:
        """Whether the breaker has been open for `recovery_timeout`. Promises A4.1 to A4.7 in README.md."""
        raise NotImplementedError("TODO A4: _should_attempt_reset looks at the clock")

    def _on_success(self) -> None:
        """The function has returned. Promises A1.6, A2.4, A2.5, A2.8 in README.md."""
        raise NotImplementedError(
            "TODO A1: _on_success resets the count, and closes a breaker that was trying"
        )

    def _on_failure(self) -> None:
        """The function has raised. Promises A1.7, A2.3, A2.5 to A2.9 in README.md."""
        raise NotImplementedError("TODO A2: _on_failure counts, and opens the breaker when it is time")

    def _fallback(self) -> Any:
        """What the caller gets in the place of an answer. Promises A5.4 to A5.8 in README.md."""
        raise NotImplementedError("TODO A5: _fallback returns something that can do for an answer")
