"""
What Prometheus can be told of a breaker.

What happens is counted where it happens, by a listener; what is so is read when Prometheus asks.
"""

from prometheus_client import Counter, Gauge

from labs.lab4.circuit_breaker import CLOSED, HALF_OPEN, OPEN, CircuitBreaker, Listener

OUTCOMES = ("success", "failure", "rejected")
TRANSITIONS = ((CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED), (HALF_OPEN, OPEN))

_STATE = Gauge("circuit_breaker_state", "1 for the state it is in", ["breaker", "state"])
_CHANGED = Counter("circuit_breaker_transitions", "Changes of state", ["breaker", "from_state", "to_state"])
_CALLED = Counter("circuit_breaker_calls", "Calls, by what became of them", ["breaker", "outcome"])


class Counting(Listener):
    """Counts what it hears. All series are there from the beginning: a rate needs a 0 to begin at."""

    def __init__(self, name: str) -> None:
        self._changed = {pair: _CHANGED.labels(name, *pair) for pair in TRANSITIONS}
        self._states = {state: _STATE.labels(name, state) for state in (CLOSED, OPEN, HALF_OPEN)}
        self._called = {outcome: _CALLED.labels(name, outcome) for outcome in OUTCOMES}

    def set(self, now: str) -> None:
        for state in (CLOSED, OPEN, HALF_OPEN):
            self._states[state].set(state == now)

    def changed(self, before: str, after: str) -> None:
        self._changed[before, after].inc()

    def called(self, outcome: str) -> None:
        self._called[outcome].inc()


def watch(breaker: CircuitBreaker, name: str) -> None:
    """From now on the metrics `circuit_breaker_…` tell of `breaker`, the label `breaker` being `name`."""
    breaker.listener = Counting(name)
    breaker.listener.set(CLOSED)
    call = breaker.call

    def told(func, *args, **kwargs):
        breaker.listener.set(breaker.state)
        return call(func, *args, **kwargs)

    breaker.call = told
