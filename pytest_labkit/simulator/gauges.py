"""What is read off the broker twice a second: whether it is there, and how far each group is behind."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaException

from pytest_labkit.simulator.broker import Broker, bounds
from pytest_labkit.simulator.choice import Choice
from pytest_labkit.simulator.lag import Bounds, Sample, time_to_zero
from pytest_labkit.simulator.ledger import Ledger
from pytest_labkit.simulator.topics import Topics

EVERY_S = 0.5


class Gauges:
    """
    Samples of *broker*, for *ledger*.

    Attributes:
        is_away: Whether the broker does not answer.
        assigned: Of each mode, which partitions each member of its group has, by the client's id.
    """

    def __init__(self, broker: Broker, choice: Choice, topics: Topics, ledger: Ledger) -> None:
        self.is_away = False
        self.assigned: dict[str, dict[str, list[int]]] = {}
        self._broker = broker
        self._partitions = choice.partitions
        self._topics = topics
        self._ledger = ledger
        self._committed: dict[str, dict[int, int]] = {}
        self._lags: dict[str, list[Sample]] = {mode: [] for mode in choice.modes}

    def sample(self, sent: int) -> None:
        """Add a sample of now, when *sent* messages were sent; say so if the broker went or came back."""
        try:
            lag = self._lag()
            self.assigned = self._broker.assigned(
                self._topics.name, {mode: self._topics.group(mode) for mode in self._lags}
            )
        except (KafkaException, TimeoutError):
            if not self.is_away:
                self._ledger.say("The broker does not answer. What was seen so far stays.", "bad")
            self.is_away = True
            self._broker.connect_anew()
            return
        if self.is_away:
            self.is_away = False
            self._ledger.say("The broker answers again.", "fault")
        self._ledger.sample(self._told(lag, sent))

    def _told(self, lag: dict[str, dict[int, Bounds]], sent: int) -> dict[str, Any]:
        latency = self._ledger.latency()
        return {
            "lag": {mode: [one.lag for one in told.values()] for mode, told in lag.items()},
            "zero": {mode: time_to_zero(samples) for mode, samples in self._lags.items()},
            "sent": sent,
            "stored": len(self._ledger.marks),
            "p50": {mode: told["p50"] for mode, told in latency.items()},
            "p95": {mode: told["p95"] for mode, told in latency.items()},
        }

    def _lag(self) -> dict[str, dict[int, Bounds]]:
        ends = self._broker.ends(self._topics.name, self._partitions)
        lags = {}
        for mode, samples in self._lags.items():
            committed = self._broker.committed(self._topics.name, self._topics.group(mode), self._partitions)
            before = self._committed.get(mode, {})  # what was committed a moment ago: effects take one
            self._ledger.count_lost(mode, before)
            self._committed[mode] = committed
            lags[mode] = bounds(ends, committed)
            samples.append(Sample(self._ledger.now(), sum(one.lag for one in lags[mode].values())))
        return lags
