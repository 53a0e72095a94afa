"""The State pattern: each spell of a state is an object, and a call reports to the one it began in."""

import threading
from datetime import datetime, timedelta


class Spell:
    name = ""

    def __init__(self, breaker):
        self.breaker = breaker

    def admits(self):
        return False

    def succeeded(self):
        pass

    def failed(self):
        pass


class Closed(Spell):
    name = "CLOSED"

    def __init__(self, breaker):
        super().__init__(breaker)
        breaker.failure_count = 0

    def admits(self):
        return True

    def succeeded(self):
        self.breaker.failure_count = 0

    def failed(self):
        self.breaker.failure_count += 1
        if self.breaker.failure_count == self.breaker.failure_threshold:
            self.breaker.spell = Open(self.breaker)


class Open(Spell):
    """Remembers what it has seen of the clock: time that runs backwards is taken to stand still."""

    name = "OPEN"

    def __init__(self, breaker):
        super().__init__(breaker)
        self.waited = timedelta(0)
        self.seen = breaker.last_failure_time = datetime.now()

    def admits(self):
        now = datetime.now()
        self.waited += max(now - self.seen, timedelta(0))
        self.seen = now
        if self.waited >= timedelta(seconds=self.breaker.recovery_timeout):
            self.breaker.spell = HalfOpen(self.breaker)
        return self.breaker.spell is not self


class HalfOpen(Spell):
    name = "HALF_OPEN"

    def succeeded(self):
        self.breaker.spell = Closed(self.breaker)

    def failed(self):
        self.breaker.spell = Open(self.breaker)


class CircuitBreaker:
    def __init__(self, failure_threshold: int = 5, recovery_timeout: float = 60):
        self.failure_threshold, self.recovery_timeout = failure_threshold, recovery_timeout
        self.last_failure_time = None
        self.deciding = threading.Condition()
        self.spell = Closed(self)

    @property
    def state(self):
        with self.deciding:
            return self.spell.name

    def call(self, func, *args, **kwargs):
        with self.deciding:
            admitted = self.spell.admits()
            spell = self.spell
        if not admitted:
            return self._fallback()
        try:
            result = func(*args, **kwargs)
        except BaseException:
            self._report(spell, spell.failed)
            raise
        else:
            self._report(spell, spell.succeeded)
            return result

    def _report(self, spell, outcome):
        with self.deciding:
            if self.spell is spell:
                outcome()

    def _fallback(self):
        return {"degraded": True, "retry_after_s": self.recovery_timeout}
