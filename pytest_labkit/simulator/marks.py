"""Records as marks in the lanes of their partitions, and bursts of them as one mark with their number."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import NamedTuple


class Place(NamedTuple):
    """Where a record lies."""

    partition: int
    offset: int


class Mark(NamedTuple):
    """
    A record as it came: *at* is its timestamp, in seconds since 1970.

    *number* counts the messages of the run, *producer* the producers from 1; both are -1 for a record that
    nobody of this run has sent.
    """

    partition: int
    offset: int
    at: float
    key: str | None
    sequence: int
    number: int
    producer: int

    @property
    def place(self) -> Place:
        """Where it lies."""
        return Place(self.partition, self.offset)

    @property
    def name(self) -> str:
        """The message's name, such as `order-3#7`."""
        return f"{self.key}#{self.sequence}"


class Burst(NamedTuple):
    """*many* records in a row of a partition, drawn as one."""

    partition: int
    first: int
    last: int
    many: int
    start: float
    end: float


def merged(
    marks: Iterable[Mark], most: int, spared: Collection[Place] = ()
) -> tuple[list[Mark], list[Burst]]:
    """
    *marks* as they are if there are *most* or fewer; else as bursts, and none of them is left out.

    Those at *spared* places stay marks. In each partition marks come by offset.
    """
    marks = list(marks)
    if len(marks) <= most:
        return marks, []
    alone = [mark for mark in marks if mark.place in spared]
    ordered = sorted(marks, key=lambda mark: mark.place)
    bursts = []
    for (partition, is_spared), run in groupby(ordered, lambda m: (m.partition, m.place in spared)):
        if not is_spared:
            some = list(run)
            times = [mark.at for mark in some]
            bursts.append(
                Burst(partition, some[0].offset, some[-1].offset, len(some), min(times), max(times))
            )
    return alone, bursts
