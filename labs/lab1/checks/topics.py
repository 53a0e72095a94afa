"""Don't change this file: topics of a test's own, as the kit's own client sees them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

from labs.lab1.messages import wait_for_leaders

_DEADLINE_S = 30.0


class Stored(NamedTuple):
    """A record as it lies in a topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes

    @property
    def id(self) -> tuple[str, int]:
        """Key and sequence of the message that it holds."""
        told = json.loads(self.value)
        return told["key"], told["sequence"]


class Topics:
    """Topics at *bootstrap*, past every link."""

    def __init__(self, bootstrap: str) -> None:
        from confluent_kafka.admin import AdminClient

        self.client = {"bootstrap.servers": bootstrap, "log_level": 0}
        self._admin = AdminClient(self.client)
        self._made: list[str] = []

    def new(self, *partitions: int, **config: str) -> Any:
        """The name of a new topic with so many partitions; of several numbers, a name for each."""
        from confluent_kafka.admin import NewTopic

        names = [f"lab1-{secrets.token_hex(4)}" for _ in partitions]
        settings = {name.replace("_", "."): value for name, value in config.items()}
        made = [
            NewTopic(name, num_partitions=count, config=settings)
            for name, count in zip(names, partitions, strict=True)
        ]
        for future in self._admin.create_topics(made, operation_timeout=_DEADLINE_S).values():
            future.result(_DEADLINE_S)
        self._made += names
        wait_for_leaders(self._admin, names)
        return names[0] if len(names) == 1 else names

    def are_there(self, *names: str) -> bool:
        """Whether all of these topics are there."""
        return set(names) <= set(self._admin.list_topics(timeout=_DEADLINE_S).topics)

    def _places(self, names: Iterable[str]) -> list[Any]:
        """Every partition of these topics."""
        from confluent_kafka import TopicPartition

        known = self._admin.list_topics(timeout=_DEADLINE_S).topics
        return [TopicPartition(name, number) for name in names for number in known[name].partitions]

    def forget(self, name: str) -> None:
        """Delete *name* too at the end, whoever makes it."""
        self._made.append(name)

    def read(self, topic: str) -> list[Stored]:
        """All records of *topic*, by partition and offset; of aborted transactions none."""
        return self.read_all([topic])[topic]

    def read_all(self, names: Iterable[str]) -> dict[str, list[Stored]]:
        """All records of each topic."""
        from confluent_kafka import Consumer

        found: dict[str, list[Stored]] = {name: [] for name in names}
        consumer = Consumer(self.client | _READER)
        try:
            ends = self._ends(consumer, found)
            consumer.assign([place for place, _ in ends])
            left = {(place.topic, place.partition): end for place, end in ends}
            while left:
                message = consumer.poll(_DEADLINE_S)
                if message is None:
                    raise TimeoutError(f"{sorted(left)} cannot be read")
                _take(message, found, left)
        finally:
            consumer.close()
        return {name: sorted(records) for name, records in found.items()}

    def _ends(self, consumer: Any, names: Iterable[str]) -> list[tuple[Any, int]]:
        """Where each partition that has records begins, and the offset that it ends before."""
        from confluent_kafka import TopicPartition

        places = self._places(names)
        bounds = [consumer.get_watermark_offsets(place, timeout=_DEADLINE_S) for place in places]
        return [
            (TopicPartition(place.topic, place.partition, low), high)
            for place, (low, high) in zip(places, bounds, strict=True)
            if low < high
        ]

    def delete(self) -> None:
        """Delete all topics that were made."""
        there = [name for name in self._made if self.are_there(name)]
        if there:
            for future in self._admin.delete_topics(there, operation_timeout=_DEADLINE_S).values():
                future.result(_DEADLINE_S)


def _take(message: Any, found: dict[str, list[Stored]], left: dict[tuple[str, int], int]) -> None:
    """Put *message* where it belongs; a partition that was read to its end is not *left* any more."""
    place, error = (message.topic(), message.partition()), message.error()
    if error is not None and error.name() != "_PARTITION_EOF":
        raise RuntimeError(str(error))
    if error is None:
        stored = Stored(message.partition(), message.offset(), message.key(), message.value())
        found[message.topic()].append(stored)
    if message.offset() + (error is None) >= left.get(place, 0):
        left.pop(place, None)


_READER = {
    "group.id": "lab1-checks",  # never used: partitions are assigned, and no offset is kept
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",
    "fetch.wait.max.ms": 20,
}
