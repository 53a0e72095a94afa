"""Given, don't change: the messages of part A, how they lie in a topic, and what is to be said of them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

TOPIC = "lab1-orders"
PARTITIONS = 3
KEYS = 20
"""The test messages are of so many keys, in turn."""

_SILENT_S = 30.0
_SETTLES_S = 10.0


class _Given(BaseModel):
    model_config = ConfigDict(frozen=True)


class Message(_Given):
    """One message: the *sequence*-th of its *key*, counted from 0."""

    key: str
    sequence: int
    text: str = ""

    def encoded(self) -> bytes:
        """The value of the Kafka record: JSON, in UTF-8."""
        return json.dumps(self.model_dump(), ensure_ascii=False).encode()

    @classmethod
    def decoded(cls, value: bytes) -> Message:
        """The message that *value* holds; members that it does not know are left out."""
        return cls(**json.loads(value))


class Record(_Given):
    """A message as it lies in a topic; *timestamp_ms* is Kafka's, in milliseconds since 1970."""

    partition: int
    offset: int
    timestamp_ms: int
    key: str | None
    sequence: int


class Inversion(_Given):
    """*record* came behind *behind*, which is of the same key and has the higher sequence."""

    record: Record
    behind: Record


class Gap(_Given):
    """The sequences *first* to *last* of *key*, both included, did not come."""

    key: str
    first: int
    last: int


class OrderReport(_Given):
    """What `analyze_message_order` finds; A2.1 to A2.8 in README.md say exactly what."""

    messages: int
    partitions_in_order: dict[int, bool]
    keys_in_order: dict[str, bool]
    inversions: list[Inversion]
    gaps: list[Gap]
    duplicates: list[Record]
    scattered: list[str]


def create_test_message(i: int) -> Message:
    """The *i*-th test message: message `i // KEYS` of key `i % KEYS`."""
    return Message(key=f"order-{i % KEYS}", sequence=i // KEYS, text=f"test message {i}")


def default_topic() -> str:
    """
    The topic of part A: `lab1-orders`, or what `KAFKA_TOPIC` says.

    It is made, with 3 partitions, if it is not there.
    """
    from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

    name = os.environ.get("KAFKA_TOPIC", TOPIC)
    admin = AdminClient({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"]})
    if name not in admin.list_topics(timeout=_SILENT_S).topics:
        _make(admin, NewTopic(name, num_partitions=PARTITIONS))
        wait_for_leaders(admin, [name])
    return name


def _make(admin: Any, topic: Any) -> None:
    from confluent_kafka import KafkaError, KafkaException

    for future in admin.create_topics([topic]).values():
        try:
            future.result(_SILENT_S)
        except KafkaException as error:  # somebody else may have made it meanwhile
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def wait_for_leaders(admin: Any, topics: Iterable[str]) -> None:
    """
    Return when each partition of *topics* can be written.

    A leader that is not ready refuses a batch and then takes the next one, whatever its number (KIP-360);
    the first, sent again, passes for a copy of it, and is lost though it is acknowledged.
    """
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import OffsetSpec

    topics = set(topics)
    while not topics <= set(known := admin.list_topics(timeout=_SILENT_S).topics):
        time.sleep(0.02)
    partitions = [TopicPartition(topic, number) for topic in topics for number in known[topic].partitions]
    waiting = dict.fromkeys(partitions, OffsetSpec.latest())
    while waiting:
        for place, future in admin.list_offsets(waiting, request_timeout=_SILENT_S).items():
            if future.exception(_SILENT_S) is None:
                del waiting[place]


def records_of(topic: str, settle_s: float = 1.0) -> Iterator[Record]:
    """
    All records of *topic*, in the order in which a consumer gets them.

    Those of one partition come in the order of their offsets, partitions come mixed. It begins when there are
    some, and none more have come for *settle_s* seconds, or after ten seconds.
    """
    from confluent_kafka import Consumer

    consumer = Consumer(_READER | {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"]})
    try:
        bounds = _settled(consumer, topic, settle_s)
        yield from _up_to(consumer, topic, bounds)
    finally:
        consumer.close()


def _settled(consumer: Any, topic: str, settle_s: float) -> dict[int, tuple[int, int]]:
    """The bounds of the partitions, when they have not changed for a while."""
    late = time.monotonic() + _SETTLES_S
    bounds = _bounds(consumer, topic)
    while True:
        time.sleep(settle_s)
        before, bounds = bounds, _bounds(consumer, topic)
        if (bounds and bounds == before) or time.monotonic() > late:
            return bounds


def _bounds(consumer: Any, topic: str) -> dict[int, tuple[int, int]]:
    """Partition -> its first offset, and the one that its next record would have; of those with records."""
    from confluent_kafka import TopicPartition

    partitions = consumer.list_topics(topic, timeout=_SILENT_S).topics[topic].partitions
    bounds = {
        number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_SILENT_S)
        for number in partitions
    }
    return {number: (low, high) for number, (low, high) in bounds.items() if low < high}


def _up_to(consumer: Any, topic: str, bounds: dict[int, tuple[int, int]]) -> Iterator[Record]:
    """The records within *bounds*. Markers of transactions may lie there too, and do not come."""
    from confluent_kafka import KafkaError, KafkaException, TopicPartition

    consumer.assign([TopicPartition(topic, number, low) for number, (low, _) in bounds.items()])
    ends = {number: high for number, (_, high) in bounds.items()}
    while ends:
        message = consumer.poll(_SILENT_S)
        if message is None:
            raise TimeoutError(f"nothing came of {topic} for {_SILENT_S:g} s")
        place, error = message.partition(), message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        if error is None and message.offset() < ends.get(place, 0):
            yield _record(message)
        if message.offset() + (error is None) >= ends.get(place, 0):
            ends.pop(place, None)


def _record(message: Any) -> Record:
    key = message.key()
    return Record(
        partition=message.partition(),
        offset=message.offset(),
        timestamp_ms=message.timestamp()[1],
        key=None if key is None else key.decode(),
        sequence=Message.decoded(message.value()).sequence,
    )


_READER = {
    "group.id": "lab1-reader",  # never used: partitions are assigned, and no offset is kept
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",
    "fetch.wait.max.ms": 50,
}
