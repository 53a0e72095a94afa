"""The wall clock, used with care: if it shows less than at the opening, the wait begins anew."""

import time
from dataclasses import dataclass, field
from threading import RLock


@dataclass
class CircuitBreaker:
    failure_threshold: int = 5
    recovery_timeout: float = 60
    state: str = "CLOSED"
    failure_count: int = 0
    last_failure_time: float = 0.0
    _lock: RLock = field(default_factory=RLock, repr=False)
    _trial: object = None

    def call(self, func, *args, **kwargs):
        with self._lock:
            if self.state == "OPEN" and self._should_attempt_reset():
                self.state, self._trial = "HALF_OPEN", object()
                ticket = self._trial
            elif self.state == "CLOSED":
                ticket = None
            else:
                ticket = "refused"
        if ticket == "refused":
            return self._fallback()
        try:
            result = func(*args, **kwargs)
        except Exception:
            with self._lock:
                if self._counts(ticket):
                    self._on_failure()
            raise
        with self._lock:
            if self._counts(ticket):
                self._on_success()
        return result

    def _counts(self, ticket):
        if ticket is None:
            return self.state == "CLOSED"
        return self.state == "HALF_OPEN" and ticket is self._trial

    def _should_attempt_reset(self):
        now = time.time()
        if now < self.last_failure_time:
            self.last_failure_time = now
        return now - self.last_failure_time >= self.recovery_timeout

    def _on_success(self):
        self.state, self.failure_count, self._trial = "CLOSED", 0, None

    def _on_failure(self):
        self.failure_count += 1
        if self.state == "HALF_OPEN" or self.failure_count >= self.failure_threshold:
            self.state, self._trial = "OPEN", None
            self.last_failure_time = time.time()

    def _fallback(self):
        return None
