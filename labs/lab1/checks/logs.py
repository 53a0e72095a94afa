"""Don't change this file: records in the order in which a consumer may get them, with mistakes planted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from labs.lab1.messages import Record

KEYS: list[str | None] = ["a", "b", "", "客户 7", "customer-9", None]
NOON = 1_764_590_400_000


def quickly(examples: int) -> Any:
    """Settings of a property without services; what fails is made as short as can be."""
    return settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )


def a_record(key: str | None, sequence: int, partition: int = 0, offset: int = 0, at: int = NOON) -> Record:
    """A record; only what a test is about has to be said."""
    return Record(partition=partition, offset=offset, timestamp_ms=at, key=key, sequence=sequence)


def in_partition(*messages: tuple[str | None, int], partition: int = 0, first: int = 0) -> list[Record]:
    """Records of *messages*, key and sequence, with offsets in a row; all have the same timestamp."""
    return [
        a_record(key, sequence, partition, offset) for offset, (key, sequence) in enumerate(messages, first)
    ]


class Mark(NamedTuple):
    """Where one message lies: the partition, the step to its offset, and what is odd about its time."""

    key: str | None
    partition: int
    step: int
    later: int


class Plant(NamedTuple):
    """A mistake: message number *one* is dropped, or it or a copy of it is put before number *other*."""

    what: str
    one: int
    other: int
    partition: int


def planted(marks: Sequence[Mark], plants: Sequence[Plant]) -> list[Record]:
    """A log of some keys, each message in its turn, and then the mistakes *plants*."""
    count: Counter[str | None] = Counter()
    messages = []
    for mark in marks:
        messages.append((mark, count[mark.key]))
        count[mark.key] += 1
    for plant in plants:
        _plant(messages, plant)
    return _laid(messages)


def _plant(messages: list[tuple[Mark, int]], plant: Plant) -> None:
    if not messages:
        return
    mark, sequence = chosen = messages[plant.one % len(messages)]
    if plant.what != "copied":
        messages.remove(chosen)
    if plant.what != "dropped":
        there = mark._replace(partition=plant.partition) if plant.what == "copied" else mark
        messages.insert(plant.other % (len(messages) + 1), (there, sequence))


def _laid(messages: Sequence[tuple[Mark, int]]) -> list[Record]:
    """*messages* in their partitions. A step of -1 leads to an offset that was there before."""
    ends: Counter[int] = Counter()
    records = []
    for mark, sequence in messages:
        ends[mark.partition] = max(0, ends[mark.partition] + mark.step)
        at = NOON + mark.later
        records.append(a_record(mark.key, sequence, mark.partition, ends[mark.partition], at))
    return records


LOGS = st.builds(
    planted,
    st.lists(
        st.builds(
            Mark,
            st.sampled_from(KEYS),
            st.integers(0, 3),
            st.sampled_from([1, 1, 1, 2, 5, -1]),
            st.sampled_from([0, 0, 7, -3]),
        ),
        max_size=12,
    ),
    st.lists(
        st.builds(
            Plant,
            st.sampled_from(["dropped", "copied", "moved"]),
            st.integers(0, 12),
            st.integers(0, 12),
            st.integers(0, 3),
        ),
        max_size=4,
    ),
)
"""Any log; most have mistakes. Timestamps are mostly equal, and follow nothing."""
