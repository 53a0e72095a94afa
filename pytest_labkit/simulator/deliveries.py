"""What became of the messages in each delivery mode: handled, lost, repeated, and how late."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pytest_labkit.simulator.marks import Mark, Place

RECENT_S = 10.0
"""Percentiles are of the latencies of so many seconds, the last ones in which anything was handled."""


class Effect(NamedTuple):
    """The message *number* was handled at *at*, called from *site*: `file.py:12 Class.method`, if known."""

    number: int
    at: float
    site: str


class Deliveries:
    """One mode's effects, counted against the records that lie in the topic."""

    def __init__(self) -> None:
        self.effects: Counter[int] = Counter()
        self.times = 0  # that anything was handled
        self._again: set[int] = set()  # the numbers that were handled more than once
        self._latencies: deque[tuple[float, float]] = deque()  # of what was handled when, in ms

    def add(self, effect: Effect, sent_at: float | None) -> None:
        """The message was handled; it was sent at *sent_at*."""
        self.times += 1
        self.effects[effect.number] += 1
        if self.effects[effect.number] > 1:
            self._again.add(effect.number)
        elif sent_at is not None:
            self._latencies.append((effect.at, max(0.0, 1000 * (effect.at - sent_at))))
            while self._latencies[0][0] < effect.at - RECENT_S:
                self._latencies.popleft()

    def lost(self, marks: Iterable[Mark], committed: Mapping[int, int]) -> list[Place]:
        """The records that the group has committed past, and whose message was never handled."""
        return [
            mark.place
            for mark in marks
            if mark.offset < committed.get(mark.partition, 0) and not self.effects[mark.number]
        ]

    def repeated(self, copies: Mapping[int, int]) -> int:
        """How often a message was handled beyond the *copies* of it that lie in the topic."""
        return sum(max(0, self.effects[number] - copies.get(number, 1)) for number in self._again)

    def latency(self) -> dict[str, float | None]:
        """Milliseconds from sent to handled, of recent messages."""
        ordered = sorted(latency for _, latency in self._latencies)
        return {
            name: percentile(ordered, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
        }


def percentile(ordered: list[float], share: float) -> float | None:
    """The least value that *share* of the *ordered* ones do not exceed; `None` of none."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 1)


def parsed(line: str) -> Effect | None:
    """The effect that *line* of a journal tells of: number, nanoseconds since 1970, site."""
    number, _, rest = line.partition(" ")
    at, _, site = rest.partition(" ")
    if not (number.isdecimal() and at.isdecimal()):
        return None
    return Effect(int(number), int(at) / 1e9, site)
