"""A circuit breaker: a lock for every decision, and a number for each time that the state changes."""

import threading
import time


class CircuitBreaker:
    def __init__(self, failure_threshold=5, recovery_timeout=60):
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.state = "CLOSED"
        self.failure_count = 0
        self.last_failure_time = None
        self.generation = 0
        self.lock = threading.Lock()

    def call(self, func, *args, **kwargs):
        generation = self._admit()
        if generation is None:
            return self._fallback()
        try:
            result = func(*args, **kwargs)
        except Exception:
            self._on_failure(generation)
            raise
        self._on_success(generation)
        return result

    def _admit(self):
        with self.lock:
            if self.state == "OPEN" and self._should_attempt_reset():
                self._set_state("HALF_OPEN")
                return self.generation
            return self.generation if self.state == "CLOSED" else None

    def _should_attempt_reset(self):
        return time.monotonic() - self.last_failure_time >= self.recovery_timeout

    def _on_success(self, generation):
        with self.lock:
            if generation != self.generation:
                return
            self.failure_count = 0
            if self.state == "HALF_OPEN":
                self._set_state("CLOSED")

    def _on_failure(self, generation):
        with self.lock:
            if generation != self.generation:
                return
            self.failure_count += 1
            self.last_failure_time = time.monotonic()
            if self.state == "HALF_OPEN" or self.failure_count >= self.failure_threshold:
                self._set_state("OPEN")

    def _set_state(self, state):
        self.state = state
        self.generation += 1

    def _fallback(self):
        return {"status": "unavailable", "degraded": True}
