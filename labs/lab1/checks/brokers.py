"""Don't change this file: topics and groups as the kit sees them, by clients of its own."""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from typing import Any

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from labs.lab1.payments import Payment

WAIT_S = 20.0
_LEAVE_GROUP, _CONSUMER_GROUP_HEARTBEAT = 13, 68
_LEAVING = -1


class Cluster:
    """The Kafka of one test, past any fault that lies on a student's way to it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.admin = AdminClient({"bootstrap.servers": address})
        self._producer = Producer({"bootstrap.servers": address, "enable.idempotence": True, "linger.ms": 0})
        self._topics: list[str] = []
        self._payments = count(1)

    def topic(self, partitions: int = 2, name: str = "payments", **config: str) -> Topic:
        """A new topic, with the group `topic.group`."""
        own = f"lab1-{name}-{secrets.token_hex(4)}"
        self.new_topic(own, partitions, **config)
        return Topic(self, own, partitions)

    def new_topic(self, name: str, partitions: int, **config: str) -> None:
        """A new topic of that very name."""
        made = NewTopic(name, partitions, 1, config={key.replace("_", "."): v for key, v in config.items()})
        for future in self.admin.create_topics([made]).values():
            future.result(WAIT_S)
        self._topics.append(name)

    def new_payments(self, many: int, accounts: int = 3) -> list[Payment]:
        """Payments that there have not been yet."""
        numbers = [next(self._payments) for _ in range(many)]
        return [
            Payment(payment_id=f"p{n}", account=f"account-{n % accounts}", amount=n * n % 97 - 20)
            for n in numbers
        ]

    def send(self, topic: str, records: Iterable[Mapping[str, Any]]) -> list[Message]:
        """Send records, given as arguments of `produce`, and wait for all of them."""
        told: list[tuple[KafkaError | None, Message]] = []
        for record in records:
            self._producer.produce(
                topic, on_delivery=lambda error, message: told.append((error, message)), **record
            )
        self._producer.flush(WAIT_S)
        return _all_well(told)

    def aborted(self, topic: str, payments: list[Payment], partition: int) -> None:
        """Send *payments* in a transaction that is aborted."""
        producer = Producer(
            {"bootstrap.servers": self.address, "transactional.id": f"kit-{secrets.token_hex(4)}"}
        )
        producer.init_transactions(WAIT_S)
        producer.begin_transaction()
        for payment in payments:
            producer.produce(topic, key=payment.account, value=payment.encoded(), partition=partition)
        producer.flush(WAIT_S)
        producer.abort_transaction(WAIT_S)

    def records(self, topic: str, partitions: int, isolation: str = "read_committed") -> list[Message]:
        """All records that are in *topic* now, for a reader with that isolation."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.address,
                "group.id": f"kit-{secrets.token_hex(4)}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": isolation,
                "fetch.wait.max.ms": 10,
            }
        )
        try:
            consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
            return [*_until_all_ends(consumer, partitions)]
        finally:
            consumer.close()

    def end(self, topic: str) -> int:
        """The offset after the last record of the topic's only partition, committed or not."""
        place = TopicPartition(topic, 0)
        asked = self.admin.list_offsets({place: OffsetSpec.latest()})
        return int(asked[place].result(WAIT_S).offset)

    def close(self) -> None:
        """Remove the topics."""
        if self._topics:
            for future in self.admin.delete_topics(self._topics).values():
                with suppress(KafkaException):
                    future.result(WAIT_S)


class Topic:
    """A topic of payments and the group that reads it."""

    def __init__(self, cluster: Cluster, name: str, partitions: int) -> None:
        self._cluster = cluster
        self.name = name
        self.partitions = partitions
        self.group = f"{name}-group"
        self.sent: list[Payment] = []
        self.ends: dict[int, int] = {}
        """For each partition the offset after the last payment."""

    def send(self, many: int, *, partition: int | None = None) -> list[Payment]:
        """*many* new payments, in turn to all partitions or all to one."""
        payments = self._cluster.new_payments(many)
        records = [
            {
                "key": payment.account,
                "value": payment.encoded(),
                "partition": number % self.partitions if partition is None else partition,
            }
            for number, payment in enumerate(payments)
        ]
        for message in self._cluster.send(self.name, records):
            self.ends[message.partition()] = max(self.ends.get(message.partition(), 0), message.offset() + 1)
        self.sent += payments
        return payments

    def send_raw(self, **record: Any) -> None:
        """One record, which may be no payment."""
        (message,) = self._cluster.send(self.name, [record])
        self.ends[message.partition()] = message.offset() + 1

    def send_aborted(self, many: int, partition: int) -> list[Payment]:
        """Payments in a transaction that is aborted; they are not among those that are `sent`."""
        payments = self._cluster.new_payments(many)
        self._cluster.aborted(self.name, payments, partition)
        return payments

    def committed(self) -> dict[int, int]:
        """What the group has committed, for each partition where it has."""
        asked = ConsumerGroupTopicPartitions(
            self.group, [TopicPartition(self.name, number) for number in range(self.partitions)]
        )
        (future,) = self._cluster.admin.list_consumer_group_offsets([asked]).values()
        with suppress(KafkaException):  # a group that there is not yet
            return {p.partition: p.offset for p in future.result(WAIT_S).topic_partitions if p.offset >= 0}
        return {}

    def is_read(self) -> bool:
        """Whether the group has committed all payments."""
        committed = self.committed()
        return all(committed.get(partition, 0) >= end for partition, end in self.ends.items())

    def set_back(self) -> None:
        """Let the group begin at the start again; it must have no members."""
        places = [TopicPartition(self.name, number, 0) for number in range(self.partitions)]
        asked = ConsumerGroupTopicPartitions(self.group, places)
        (future,) = self._cluster.admin.alter_consumer_group_offsets([asked]).values()
        future.result(WAIT_S)

    def evict(self) -> None:
        """
        Let the sessions of all members of the group run out.

        A member that was killed is missed after its session timeout only, 45 s. The kit does not wait for
        that: it tells the coordinator that they have left.
        """
        (future,) = self._cluster.admin.describe_consumer_groups([self.group]).values()
        told = future.result(WAIT_S)
        is_new = getattr(getattr(told, "type", None), "name", "") == "CONSUMER"
        for member in told.members:
            _leave(told.coordinator, self.group, member.member_id, is_new=is_new)

    def balances(self, payments: Iterable[Payment] | None = None) -> dict[str, int]:
        """What *payments*, all that were sent if left out, come to for each account."""
        found: Counter[str] = Counter()
        for payment in self.sent if payments is None else payments:
            found[payment.account] += payment.amount
        return dict(found)


def _all_well(told: list[tuple[KafkaError | None, Message]]) -> list[Message]:
    for error, _ in told:
        if error is not None:
            raise KafkaException(error)
    return [message for _, message in told]


def _until_all_ends(consumer: Consumer, partitions: int) -> Iterator[Message]:
    ends: set[int] = set()
    until = time.monotonic() + WAIT_S
    while len(ends) < partitions and time.monotonic() < until:
        for message in consumer.consume(500, 0.1):
            if message.error() is None:
                yield message
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ends.add(message.partition())


def _leave(coordinator: Any, group: str, member: str, *, is_new: bool) -> None:
    """Say to *coordinator* what *member* would say when it leaves (KIP-848 if it *is_new*)."""
    request = _heartbeat(group, member) if is_new else _leave_group(group, member)
    with socket.create_connection((coordinator.host, coordinator.port), WAIT_S) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        connection.recv(4)


def _leave_group(group: str, member: str) -> bytes:
    return struct.pack(">hhi", _LEAVE_GROUP, 1, 1) + b"".join(map(_text, ("kit", group, member)))


def _heartbeat(group: str, member: str) -> bytes:
    head = struct.pack(">hhi", _CONSUMER_GROUP_HEARTBEAT, 0, 1) + _text("kit") + b"\0"
    named = _compact(group) + _compact(member) + struct.pack(">i", _LEAVING)
    nothing = (
        b"\0\0" + struct.pack(">i", -1) + b"\0\0\0\0"
    )  # instance, rack; timeout; topics, assignor, owned, tags
    return head + named + nothing


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text.encode())) + text.encode()


def _compact(text: str) -> bytes:
    size, out = len(text.encode()) + 1, bytearray()
    while size >= 0x80:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*out, size]) + text.encode()
