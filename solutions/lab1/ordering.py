"""Model answer: one pass over the records, and a resequencer that holds them oldest first."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from labs.lab1.messages import Gap, Inversion, OrderReport, Record, default_topic, records_of


def analyze_message_order(records: Iterable[Record] | None = None) -> OrderReport:
    """What is to be said of the order of *records*, which are given as they came."""
    records = list(records_of(default_topic()) if records is None else records)
    firsts, duplicates = _parted(records)
    inversions = list(_inversions(firsts))
    inverted = {inversion.record.key for inversion in inversions}
    sequences: dict[str, list[int]] = {}
    for record in firsts:
        sequences.setdefault(str(record.key), []).append(record.sequence)
    return OrderReport(
        messages=len(records),
        partitions_in_order=_partitions_in_order(records),
        keys_in_order={key: key not in inverted for key in sequences},
        inversions=inversions,
        gaps=[gap for key in sorted(sequences) for gap in _gaps(key, sequences[key])],
        duplicates=duplicates,
        scattered=_scattered(records),
    )


def _parted(records: Iterable[Record]) -> tuple[list[Record], list[Record]]:
    """The first of each message with a key, and all that follow it."""
    seen: set[tuple[str, int]] = set()
    firsts, copies = [], []
    for record in records:
        if record.key is None:
            continue
        message = record.key, record.sequence
        (copies if message in seen else firsts).append(record)
        seen.add(message)
    return firsts, copies


def _partitions_in_order(records: Iterable[Record]) -> dict[int, bool]:
    in_order: dict[int, bool] = {}
    last: dict[int, int] = {}
    for record in records:
        ascends = record.offset > last.get(record.partition, -1)
        in_order[record.partition] = in_order.get(record.partition, True) and ascends
        last[record.partition] = record.offset
    return in_order


def _inversions(firsts: Iterable[Record]) -> Iterator[Inversion]:
    highest: dict[str | None, Record] = {}
    for record in firsts:
        behind = highest.setdefault(record.key, record)
        if record.sequence < behind.sequence:
            yield Inversion(record=record, behind=behind)
        else:
            highest[record.key] = record


def _gaps(key: str, sequences: Iterable[int]) -> Iterator[Gap]:
    following = 0
    for sequence in sorted(sequences):
        if sequence > following:
            yield Gap(key=key, first=following, last=sequence - 1)
        following = sequence + 1


def _scattered(records: Iterable[Record]) -> list[str]:
    places: dict[str, set[int]] = {}
    for record in records:
        if record.key is not None:
            places.setdefault(record.key, set()).add(record.partition)
    return sorted(key for key, partitions in places.items() if len(partitions) > 1)


class Resequencer:
    """Gives the records of each key in their order, each once."""

    def __init__(self, max_held: int = 1000, timeout_s: float = 30.0) -> None:
        self.max_held = max_held
        self.timeout_s = timeout_s
        self.given_up = 0
        self._held: dict[tuple[str, int], tuple[Record, float]] = {}  # with its time, the oldest first
        self._waiting: dict[str, set[int]] = {}  # key -> its sequences that are held
        self._next: dict[str, int] = {}  # key -> the sequence whose turn it is

    @property
    def held(self) -> int:
        """How many records are held."""
        return len(self._held)

    def receive(self, record: Record, now: float) -> list[Record]:
        """Take *record*; the records that go on now."""
        key, sequence = record.key, record.sequence
        if key is None:
            return [record]
        if sequence < self._next.get(key, 0) or (key, sequence) in self._held:
            return []
        self._held[key, sequence] = record, now
        self._waiting.setdefault(key, set()).add(sequence)
        gone = self._whose_turn_it_is(key)
        while self.held > self.max_held:
            oldest, _ = next(iter(self._held))
            gone += self._up_to(oldest, min(self._waiting[oldest]))
        return gone

    def expire(self, now: float) -> list[Record]:
        """The records that go on at *now* because they were held for long enough."""
        gone: list[Record] = []
        while self._held:
            (key, sequence), (_, since) = next(iter(self._held.items()))
            if now - since < self.timeout_s:
                break
            gone += self._up_to(key, sequence)
        return gone

    def _up_to(self, key: str, last: int) -> list[Record]:
        """Those of *key* up to *last*, whatever is missing between them, and those whose turn it is then."""
        due = sorted(sequence for sequence in self._waiting[key] if sequence <= last)
        self.given_up += last + 1 - self._next.get(key, 0) - len(due)
        gone = [self._take(key, sequence) for sequence in due]
        return gone + self._whose_turn_it_is(key)

    def _whose_turn_it_is(self, key: str) -> list[Record]:
        gone = []
        while self._next.get(key, 0) in self._waiting[key]:
            gone.append(self._take(key, self._next.get(key, 0)))
        return gone

    def _take(self, key: str, sequence: int) -> Record:
        self._next[key] = sequence + 1
        self._waiting[key].remove(sequence)
        record, _ = self._held.pop((key, sequence))
        return record


def read_in_order(topic: str) -> list[Record]:
    """All that *topic* has: the records of each key in their order, each once."""
    resequencer = Resequencer(max_held=sys.maxsize, timeout_s=0.0)
    ordered = [gone for record in records_of(topic) for gone in resequencer.receive(record, 0.0)]
    return ordered + resequencer.expire(0.0)
