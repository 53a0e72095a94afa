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
        self._name = name
        self._changed = {pair: _CHANGED.labels(name, *pair) for pair in TRANSITIONS}
        self._called = {outcome: _CALLED.labels(name, outcome) for outcome in OUTCOMES}

    def changed(self, before: str, after: str) -> None:
        if after != HALF_OPEN:
            _CHANGED.labels(self._name, OPEN if before == HALF_OPEN else before, after).inc()

    def called(self, outcome: str) -> None:
        self._called[outcome].inc()


def watch(breaker: CircuitBreaker, name: str) -> None:
    """From now on the metrics `circuit_breaker_…` tell of `breaker`, the label `breaker` being `name`."""
    breaker.listener = Counting(name)
    for state in (CLOSED, OPEN, HALF_OPEN):
        _STATE.labels(name, state).set_function(lambda state=state: float(breaker.state == state))
