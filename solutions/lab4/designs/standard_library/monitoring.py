"""Watches any breaker from outside: its call is wrapped, and its state looked at before, inside and after."""

import threading

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

STATES = ("CLOSED", "OPEN", "HALF_OPEN")


class Collector:
    """One for all breakers; it makes the samples when it is asked."""

    def __init__(self):
        self.watched = {}

    def describe(self):
        return []

    def collect(self):
        state = GaugeMetricFamily("circuit_breaker_state", "state", labels=["breaker", "state"])
        changed = CounterMetricFamily(
            "circuit_breaker_transitions", "changes", labels=["breaker", "from_state", "to_state"]
        )
        called = CounterMetricFamily("circuit_breaker_calls", "calls", labels=["breaker", "outcome"])
        for name, watched in list(self.watched.items()):
            for one in STATES:
                state.add_metric([name, one], float(watched.breaker.state == one))
            with watched.lock:
                for pair, count in watched.changes.items():
                    changed.add_metric([name, *pair], count)
                for outcome, count in watched.calls.items():
                    called.add_metric([name, outcome], count)
        return [state, changed, called]


class Watched:
    def __init__(self, breaker):
        self.breaker = breaker
        self.lock = threading.Lock()
        self.last = str(breaker.state)
        self.changes = {}
        self.calls = dict.fromkeys(("success", "failure", "rejected"), 0)
        self._call = breaker.call

    def look(self):
        with self.lock:
            now = str(self.breaker.state)
            if now != self.last:
                self.changes[self.last, now] = self.changes.get((self.last, now), 0) + 1
                self.last = now

    def call(self, func, *args, **kwargs):
        outcome = ["rejected"]

        def looked_at(*args, **kwargs):
            self.look()
            outcome[0] = "failure"
            result = func(*args, **kwargs)
            outcome[0] = "success"
            return result

        try:
            return self._call(looked_at, *args, **kwargs)
        finally:
            self.look()
            with self.lock:
                self.calls[outcome[0]] += 1


COLLECTOR = Collector()


def watch(breaker, name):
    watched = Watched(breaker)
    if not COLLECTOR.watched:
        REGISTRY.register(COLLECTOR)
    COLLECTOR.watched[name] = watched
    breaker.call = watched.call
