"""
Don't change this file: what is to be said of the order of records, found out the slow and plain way.

Each answer follows the sentence of the README that asks for it, and looks at every record anew; nothing is
remembered from one record to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from labs.lab1.messages import Gap, Inversion, Record


def report(records: Sequence[Record]) -> dict[str, Any]:
    """Each member of the `OrderReport` of *records*, by name."""
    keyed = [record for record in records if record.key is not None]
    firsts = [record for n, record in enumerate(keyed) if not _among(record, keyed[:n])]
    keys = sorted({str(record.key) for record in keyed})
    return {
        "messages": len(records),
        "partitions_in_order": {
            partition: _ascends([r.offset for r in records if r.partition == partition])
            for partition in {record.partition for record in records}
        },
        "keys_in_order": {key: _ascends([r.sequence for r in firsts if r.key == key]) for key in keys},
        "inversions": [
            Inversion(record=record, behind=max(before, key=lambda r: r.sequence))
            for n, record in enumerate(firsts)
            if (before := [r for r in firsts[:n] if r.key == record.key and r.sequence > record.sequence])
        ],
        "gaps": [gap for key in keys for gap in _gaps(key, {r.sequence for r in firsts if r.key == key})],
        "duplicates": [record for n, record in enumerate(keyed) if _among(record, keyed[:n])],
        "scattered": [key for key in keys if len({r.partition for r in keyed if r.key == key}) > 1],
    }


def _among(record: Record, others: Iterable[Record]) -> bool:
    return any((other.key, other.sequence) == (record.key, record.sequence) for other in others)


def _ascends(numbers: list[int]) -> bool:
    return numbers == sorted(set(numbers))


def _gaps(key: str, there: set[int]) -> list[Gap]:
    """A gap begins where a sequence is missing and the one before is not, and ends the other way round."""
    missing = set(range(max(there))) - there
    begins = sorted(sequence for sequence in missing if sequence - 1 not in missing)
    ends = sorted(sequence for sequence in missing if sequence + 1 not in missing)
    return [Gap(key=key, first=first, last=last) for first, last in zip(begins, ends, strict=True)]


class Held:
    """What a resequencer has to do, as the README says it; all that is held is looked through each time."""

    def __init__(self, max_held: int, timeout_s: float) -> None:
        self._max_held = max_held
        self._timeout_s = timeout_s
        self._came: list[tuple[Record, float]] = []  # those that are held
        self._turn: dict[str, int] = {}
        self.given_up = 0

    @property
    def held(self) -> int:
        """How many are held."""
        return len(self._came)

    def receive(self, record: Record, now: float) -> list[Record]:
        """What goes on when *record* comes."""
        if record.key is None:
            return [record]
        if record.sequence < self._turn.get(record.key, 0) or _among(record, [r for r, _ in self._came]):
            return []
        self._came.append((record, now))
        out = self._in_turn(record.key)
        while self.held > self._max_held:
            key = str(self._came[0][0].key)
            out += self._pass(key, min(r.sequence for r, _ in self._came if r.key == key))
        return out

    def expire(self, now: float) -> list[Record]:
        """What goes on because it was held for long enough."""
        out: list[Record] = []
        for key in {str(record.key) for record, _ in self._came}:
            due = [r.sequence for r, since in self._came if r.key == key and now - since >= self._timeout_s]
            if due:
                out += self._pass(key, max(due))
        return out

    def _pass(self, key: str, last: int) -> list[Record]:
        """Go on behind *last*, whatever is missing before it."""
        before = sorted((r for r, _ in self._came if r.key == key and r.sequence <= last), key=_sequence)
        self.given_up += last + 1 - self._turn.get(key, 0) - len(before)
        self._came = [(r, since) for r, since in self._came if r not in before]
        self._turn[key] = last + 1
        return before + self._in_turn(key)

    def _in_turn(self, key: str) -> list[Record]:
        out: list[Record] = []
        while found := [r for r, _ in self._came if r.key == key and r.sequence == self._turn.get(key, 0)]:
            out += found
            self._came = [(r, since) for r, since in self._came if r != found[0]]
            self._turn[key] = found[0].sequence + 1
        return out


def _sequence(record: Record) -> int:
    return record.sequence
