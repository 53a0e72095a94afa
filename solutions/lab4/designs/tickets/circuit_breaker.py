"""One tuple that is swapped whole instead of a lock around decisions: (state, failures, since)."""

import time
from threading import Lock


class CircuitBreaker:
    def __init__(self, failure_threshold=5, recovery_timeout=60):
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self._now = ("CLOSED", 0, None)
        self._swapping = Lock()

    state = property(lambda self: self._now[0])
    failure_count = property(lambda self: self._now[1])
    last_failure_time = property(lambda self: self._now[2])

    def _swap(self, old, new):
        with self._swapping:
            if self._now is old:
                self._now = new
                return True
            return False

    def _should_attempt_reset(self, opened):
        return time.monotonic_ns() >= opened[2] + round(self.recovery_timeout * 1e9)

    def call(self, func, *args, **kwargs):
        now = self._now
        if now[0] == "CLOSED":
            trial = None
        else:
            trial = ("HALF_OPEN", now[1], now[2])
            if now[0] == "HALF_OPEN" or not self._should_attempt_reset(now) or not self._swap(now, trial):
                return self._fallback(*args, **kwargs)
        try:
            result = func(*args, **kwargs)
        except Exception:
            self._on_failure(trial)
            raise
        self._on_success(trial)
        return result

    def _on_success(self, trial):
        if trial:
            self._swap(trial, ("CLOSED", 0, None))
        while not trial and (now := self._now)[0] == "CLOSED" and now[1]:
            self._swap(now, ("CLOSED", 0, None))

    def _on_failure(self, trial):
        if trial:
            self._swap(trial, ("OPEN", trial[1] + 1, time.monotonic_ns()))
            return
        while (now := self._now)[0] == "CLOSED":
            failures = now[1] + 1
            state = "OPEN" if failures >= self.failure_threshold else "CLOSED"
            if self._swap(now, (state, failures, time.monotonic_ns())):
                return

    def _fallback(self, *args, **kwargs):
        return []
