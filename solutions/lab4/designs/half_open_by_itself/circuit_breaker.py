"""`state` is worked out when asked for, and is HALF_OPEN by itself when the time has come; a StrEnum."""

import threading
from enum import StrEnum
from time import perf_counter_ns


class State(StrEnum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class CircuitBreaker:
    def __init__(self, failure_threshold=5, recovery_timeout=60, *, clock_ns=perf_counter_ns):
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.failure_count = 0
        self.__clock_ns = clock_ns
        self.__mutex = threading.Lock()
        self.__trial = threading.Semaphore(1)
        self.__opened_ns = None  # None while it is closed
        self.__row = 0  # how often it has opened or closed

    @property
    def last_failure_time(self):
        return self.__opened_ns

    @property
    def state(self):
        opened = self.__opened_ns
        if opened is None:
            return State.CLOSED
        return State.HALF_OPEN if self._should_attempt_reset(opened) else State.OPEN

    def _should_attempt_reset(self, opened):
        return self.__clock_ns() - opened >= self.recovery_timeout * 1_000_000_000

    def call(self, func, *args, **kwargs):
        with self.__mutex:
            state, row = self.state, self.__row
            if state is State.OPEN or (state is State.HALF_OPEN and not self.__trial.acquire(blocking=False)):
                row = None
        if row is None:
            return self._fallback(func.__name__)
        if state is State.CLOSED:
            return self.__counted(row, func, args, kwargs)
        return self.__tried(func, args, kwargs)

    def __counted(self, row, func, args, kwargs):
        try:
            result = func(*args, **kwargs)
        except Exception:
            with self.__mutex:
                if row == self.__row:
                    self._on_failure()
            raise
        with self.__mutex:
            if row == self.__row:
                self.failure_count = 0
        return result

    def __tried(self, func, args, kwargs):
        is_well = False
        try:
            result = func(*args, **kwargs)
            is_well = True
            return result
        finally:
            with self.__mutex:
                self.__row += 1
                if is_well:
                    self._on_success()
                else:
                    self.__opened_ns = self.__clock_ns()
                self.__trial.release()

    def _on_failure(self):
        self.failure_count += 1
        if self.failure_count >= self.failure_threshold:
            self.__row += 1
            self.__opened_ns = self.__clock_ns()

    def _on_success(self):
        self.failure_count = 0
        self.__opened_ns = None

    def _fallback(self, name="function"):
        return f"{name} is not available just now"
