"""The state by a collector that looks when it is asked; counters by an observer of the breaker."""

from prometheus_client import REGISTRY, Counter
from prometheus_client.core import GaugeMetricFamily

CHANGED = Counter("circuit_breaker_transitions", "Changes of state", ["breaker", "from_state", "to_state"])
CALLED = Counter("circuit_breaker_calls", "Calls", ["breaker", "outcome"])


class States:
    def __init__(self):
        self.watched = []

    def collect(self):
        family = GaugeMetricFamily("circuit_breaker_state", "1 for its state", labels=["breaker", "state"])
        for breaker, name in self.watched:
            now = breaker.state
            for state in ("CLOSED", "OPEN", "HALF_OPEN"):
                family.add_metric([name, state], float(state == now))
        yield family


STATES = States()
REGISTRY.register(STATES)


def watch(breaker, name):
    def observe(kind, *what):
        (CHANGED if kind == "transition" else CALLED).labels(name, *what).inc()

    breaker.observers.append(observe)
    STATES.watched.append((breaker, name))
