"""The topics of a run as the kit's own clients see them, past every link."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec  # type: ignore[attr-defined]

from pytest_labkit.simulator.lag import Bounds

_ANSWER_S = 5.0
_WAIT_S = 0.05
_TAKEN = 5000


class Broker:
    """The Kafka at *address*. Whatever it is asked raises `KafkaException` if the broker is away."""

    def __init__(self, address: str) -> None:
        self.client: dict[str, str | int | float | bool] = {
            "bootstrap.servers": address,
            "log_level": 0,
            "reconnect.backoff.max.ms": 500,
        }
        self._admin = AdminClient(self.client)

    def connect_anew(self) -> None:
        """Forget what was known of the cluster: a client that has seen it away may not ask again."""
        self._admin = AdminClient(self.client)

    def make(self, *names: str, partitions: int) -> None:
        """Make topics, and wait until each partition has a leader."""
        made = [NewTopic(name, num_partitions=partitions, replication_factor=1) for name in names]
        for future in self._admin.create_topics(made, operation_timeout=_ANSWER_S).values():
            future.result(_ANSWER_S)
        for name in names:
            self._until_led(name, partitions)

    def _until_led(self, name: str, partitions: int) -> None:
        until = time.monotonic() + 2 * _ANSWER_S
        while time.monotonic() < until:
            with suppress(KafkaException):
                self.ends(name, partitions)
                return
            time.sleep(0.05)

    def delete(self, *names: str) -> None:
        """Delete topics, without waiting."""
        self._admin.delete_topics(list(names))

    def ends(self, topic: str, partitions: int) -> dict[int, tuple[int, int]]:
        """Log start and high watermark of each partition."""
        starts = self._offsets(topic, partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        highs = self._offsets(topic, partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return {number: (starts[number], highs[number]) for number in range(partitions)}

    def _offsets(self, topic: str, partitions: int, which: Any) -> dict[int, int]:
        asked = {TopicPartition(topic, number): which for number in range(partitions)}
        found = self._admin.list_offsets(asked, request_timeout=_ANSWER_S)
        return {place.partition: future.result(_ANSWER_S).offset for place, future in found.items()}

    def committed(self, topic: str, group: str, partitions: int) -> dict[int, int]:
        """What *group* has committed, for each partition where it has."""
        places = [TopicPartition(topic, number) for number in range(partitions)]
        (future,) = self._admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, places)]
        ).values()
        with suppress(KafkaException):  # a group that there is not yet
            return {p.partition: p.offset for p in future.result(_ANSWER_S).topic_partitions if p.offset >= 0}
        return {}

    def assigned(self, topic: str, groups: Mapping[str, str]) -> dict[str, dict[str, list[int]]]:
        """Which partitions of *topic* a member of *groups* has, by the group's name and the client's id."""
        futures = self._admin.describe_consumer_groups(list(groups.values())) if groups else {}
        found: dict[str, dict[str, list[int]]] = {name: {} for name in groups}
        for name, group in groups.items():
            with suppress(KafkaException):  # a group that there is not yet
                for member in futures[group].result(_ANSWER_S).members:
                    places = member.assignment.topic_partitions if member.assignment else []
                    own = sorted(place.partition for place in places if place.topic == topic)
                    found[name].setdefault(member.client_id, []).extend(own)
        return found


def bounds(ends: dict[int, tuple[int, int]], committed: dict[int, int]) -> dict[int, Bounds]:
    """Both together."""
    return {number: Bounds(start, high, committed.get(number)) for number, (start, high) in ends.items()}


class Watch:
    """
    Gives every record of *topic*, from its start, to *take*, in a thread; those of a partition by offset.

    A broker that is away is waited for. Records of transactions come when these are committed.
    """

    def __init__(
        self, broker: Broker, topic: str, partitions: int, take: Callable[[Iterable[Any]], None]
    ) -> None:
        self._consumer = Consumer(broker.client | _READER)
        self._consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        self._take = take
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"labkit-watch-{topic}", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._is_over.is_set():
            found = self._consumer.consume(_TAKEN, _WAIT_S)
            records = [record for record in found if record.error() is None]
            if records:
                self._take(records)
        self._consumer.close()

    def close(self) -> None:
        """Take no more."""
        self._is_over.set()
        self._thread.join(2 * _ANSWER_S)


_READER = {
    "group.id": "labkit-simulator",  # never used: partitions are assigned, and no offset is kept
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
    "fetch.wait.max.ms": 20,
    "fetch.queue.backoff.ms": 50,
    "queued.max.messages.kbytes": 16384,
}
