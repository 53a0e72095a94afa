"""Samples by series, as a Prometheus keeps them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

LOOKBACK_S = 300.0
"""How old a sample may be to stand for its series now: Prometheus' own default."""

Labels = frozenset[tuple[str, str]]
"""The labels of a series, its name among them as `__name__`."""

Sample = tuple[float, float]
"""When, in seconds, and what."""


class History:
    """
    What was scraped, by series, for *keep_s* seconds.

    A series that its target does not tell any more is stale from then on: it has no value.
    """

    def __init__(self, keep_s: float = 3600.0) -> None:
        self._keep_s = keep_s
        self._series: dict[Labels, list[tuple[float, float | None]]] = defaultdict(list)
        self._told: dict[str, set[Labels]] = {}

    def scraped(self, at: float, job: str, text: str | None) -> None:
        """Take in *text*, what *job* told *at* that time; `None` if it did not answer. Times only grow."""
        found: dict[Labels, float] = {} if text is None else dict(_samples(text, job))
        found[labels("up", {"job": job})] = 0.0 if text is None else 1.0
        self.add(at, job, found)

    def add(self, at: float, source: str, found: Mapping[Labels, float]) -> None:
        """Take in the values of all series that *source* has *at* that time."""
        for gone in self._told.get(source, set()) - found.keys():
            self._series[gone].append((at, None))
        self._told[source] = set(found)
        for series, value in found.items():
            self._series[series].append((at, value))
        self._forget(at - self._keep_s)

    def now(self, at: float) -> Iterator[tuple[Labels, float]]:
        """Each series that has a value *at* that time, and that value."""
        for series, samples in self._series.items():
            place = bisect_right(samples, at, key=lambda sample: sample[0])
            last_at, value = samples[place - 1] if place else (-math.inf, None)
            if last_at > at - LOOKBACK_S and value is not None:
                yield series, value

    def during(self, since: float, until: float) -> Iterator[tuple[Labels, list[Sample]]]:
        """Each series that has values later than *since* and no later than *until*, and those."""
        for series, samples in self._series.items():
            first, last = (bisect_right(samples, t, key=lambda sample: sample[0]) for t in (since, until))
            if found := [(at, value) for at, value in samples[first:last] if value is not None]:
                yield series, found

    def _forget(self, before: float) -> None:
        for series in list(self._series):
            samples = self._series[series]
            if samples[-1][0] < before:
                del self._series[series]
            elif samples[0][0] < before - self._keep_s:
                del samples[: bisect_right(samples, before, key=lambda sample: sample[0])]


def labels(name: str, given: Mapping[str, str]) -> Labels:
    """Those of the series *name* with the labels *given*; an empty one is none."""
    return frozenset({("__name__", name), *((key, value) for key, value in given.items() if value)})


def _samples(text: str, job: str) -> Iterable[tuple[Labels, float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield labels(sample.name, {**sample.labels, "job": job}), float(sample.value)
