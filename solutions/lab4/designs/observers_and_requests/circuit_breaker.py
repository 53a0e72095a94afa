"""One lock, a number for each era, and observers that are told what happens."""

import threading
import time


class CircuitBreaker:
    def __init__(self, failure_threshold=5, recovery_timeout=60):
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.state = "CLOSED"
        self.failure_count = 0
        self.last_failure_time = None
        self.observers = []
        self._lock = threading.RLock()
        self._era = 0

    def call(self, func, *args, **kwargs):
        with self._lock:
            allowed = self.state == "CLOSED"
            if self.state == "OPEN" and self._should_attempt_reset():
                self._change("HALF_OPEN")
                allowed = True
            era = self._era
        if not allowed:
            self._tell("call", "rejected")
            return self._fallback()
        try:
            result = func(*args, **kwargs)
        except Exception:
            self._on_failure(era)
            self._tell("call", "failure")
            raise
        self._on_success(era)
        self._tell("call", "success")
        return result

    def _should_attempt_reset(self):
        return time.monotonic() - self.last_failure_time >= self.recovery_timeout

    def _on_success(self, era):
        with self._lock:
            if era == self._era:
                self.failure_count = 0
                if self.state == "HALF_OPEN":
                    self._change("CLOSED")

    def _on_failure(self, era):
        with self._lock:
            if era == self._era:
                self.failure_count += 1
                self.last_failure_time = time.monotonic()
                if self.state == "HALF_OPEN" or self.failure_count >= self.failure_threshold:
                    self._change("OPEN")

    def _change(self, state):
        before, self.state = self.state, state
        self._era += 1
        self._tell("transition", before, state)

    def _tell(self, *what):
        for observer in self.observers:
            observer(*what)

    def _fallback(self):
        return {"status": "pending", "degraded": True}
