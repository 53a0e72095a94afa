"""
Part B: consumers that differ in when they commit, an idempotent one, and a transactional step.

Watermarks: beside the balances, Redis has for each partition the offset that comes next, and a script moves
both at a stroke. Who comes with a record below the watermark comes too late; who finds no watermark where the
group has committed, finds a Redis that has forgotten.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import redis
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from labs.lab1.payments import BALANCES, Cost, Payment, StateLost

Config = Mapping[str, Any]
MORE_S = 0.02  # that is waited for more records, when there is one


def _servers() -> dict[str, Any]:
    return {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"]}


class _Source:
    """The records of a topic, for one member of a group; commits nothing by itself."""

    def __init__(self, topic: str, group: str, config: Config | None, **own: Any) -> None:
        self._consumer = Consumer(
            {
                **_servers(),
                "group.id": group,
                "auto.offset.reset": "earliest",
                **own,
                **(config or {}),
                "enable.auto.commit": False,
            }
        )
        self._topic = topic
        self._partitions: list[TopicPartition] = []
        self._consumer.subscribe([topic])

    def take(self, limit: int, wait_s: float) -> list[Message]:
        """Up to *limit* records; waits for the first of them only."""
        until = time.monotonic() + wait_s
        while True:
            left_s = max(0.0, until - time.monotonic())
            records = self._records(self._consumer.consume(1, left_s))
            if records and limit > 1:
                records += self._records(self._consumer.consume(limit - 1, MORE_S))
            if records or left_s == 0.0:
                return records

    def _records(self, messages: Iterable[Message]) -> list[Message]:
        """Those that are records: the end of a partition is told of as a message too."""
        for message in messages:
            if (error := message.error()) and error.fatal():
                raise KafkaException(error)
        return [message for message in messages if message.error() is None]

    def commit(self, records: list[Message]) -> None:
        """Commit the place after *records*; raises if the group has given their partitions away."""
        for part in self._consumer.commit(offsets=after(records), asynchronous=False) or []:
            if part.error is not None:
                raise KafkaException(part.error)

    def rewind(self, records: list[Message]) -> None:
        """Have *records* come again."""
        for place in first(records):
            with suppress(KafkaException):  # it is another member's partition now, and comes to that
                self._consumer.seek(place)

    def committed(self) -> dict[int, int]:
        """What the group has committed, for each partition of the topic where it has."""
        if not self._partitions:
            known = self._consumer.list_topics(self._topic, timeout=10).topics[self._topic]
            self._partitions = [TopicPartition(self._topic, number) for number in known.partitions]
        places = self._consumer.committed(self._partitions, timeout=10)
        return {place.partition: place.offset for place in places if place.offset > 0}

    def metadata(self) -> Any:
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        self._consumer.close()


def after(records: Iterable[Message]) -> list[TopicPartition]:
    """The place after the last of *records*, for each partition."""
    ends = {(record.topic(), record.partition()): record.offset() + 1 for record in records}
    return [TopicPartition(topic, partition, offset) for (topic, partition), offset in ends.items()]


def first(records: Iterable[Message]) -> list[TopicPartition]:
    """The place of the first of *records*, for each partition."""
    starts: dict[tuple[str, int], int] = {}
    for record in records:
        starts.setdefault((record.topic(), record.partition()), record.offset())
    return [TopicPartition(topic, partition, offset) for (topic, partition), offset in starts.items()]


class AtMostOnceConsumer:
    """Commits before it handles."""

    def __init__(
        self, topic: str, group: str, handle: Callable[[Payment], Any], config: Config | None = None
    ) -> None:
        self._source = _Source(topic, group, config)
        self._handle = handle

    def run_once(self, wait_s: float = 1.0, limit: int = 100) -> int:
        records = self._source.take(limit, wait_s)
        if records:
            self._commit(records)
        for record in records:
            self._handle(Payment.decoded(record.value()))
        return len(records)

    def _commit(self, records: list[Message]) -> None:
        try:
            self._source.commit(records)
        except KafkaException:
            self._source.rewind(records)
            raise

    def close(self) -> None:
        self._source.close()


class AtLeastOnceConsumer:
    """Handles before it commits; what cannot be decoded goes to the dead letter topic."""

    def __init__(
        self, topic: str, group: str, handle: Callable[[Payment], Any], config: Config | None = None
    ) -> None:
        self._source = _Source(topic, group, config)
        self._handle = handle
        self._dead_letters = f"{topic}.dlq"
        self._producer: Producer | None = None

    def run_once(self, wait_s: float = 1.0, limit: int = 100) -> int:
        records = self._source.take(limit, wait_s)
        done = 0
        try:
            for record in records:
                self._take(record)
                done += 1
        finally:
            self._source.rewind(records[done:])
            if done:
                self._source.commit(records[:done])
        return len(records)

    def _take(self, record: Message) -> None:
        try:
            payment = Payment.decoded(record.value())
        except ValueError as error:
            self._set_aside(record, str(error))
        else:
            self._handle(payment)

    def _set_aside(self, record: Message, reason: str) -> None:
        if self._producer is None:
            self._producer = Producer({**_servers(), "enable.idempotence": True})
        failed: list[KafkaError] = []
        self._producer.produce(
            self._dead_letters,
            key=record.key(),
            value=record.value(),
            headers=[*(record.headers() or []), ("reason", reason.encode())],
            on_delivery=lambda error, _message: failed.append(error) if error else None,
        )
        if self._producer.flush(30) or failed:
            raise KafkaException(failed[0] if failed else KafkaError(KafkaError._TIMED_OUT))

    def close(self) -> None:
        self._source.close()


# The watermark of a partition is the offset that comes next. Nothing is done at all if that of any partition
# is missing, or lies below what the group has committed there: then this Redis has forgotten. KEYS: the
# balances, the watermarks. ARGV: what is committed, as JSON; then four values for each payment.
_APPLY = """
local function watermark(partition)
  return tonumber(redis.call('HGET', KEYS[2], partition) or '0')
end
for partition, committed in pairs(cjson.decode(ARGV[1])) do
  if watermark(partition) < committed then return redis.error_reply('LOST partition ' .. partition) end
end
for i = 2, #ARGV, 4 do
  if tonumber(ARGV[i + 1]) >= watermark(ARGV[i]) then
    redis.call('HINCRBY', KEYS[1], ARGV[i + 2], ARGV[i + 3])
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1] + 1)
  end
end
"""


class IdempotentConsumer:
    """Adds each payment to its account in Redis once."""

    def __init__(self, topic: str, group: str, config: Config | None = None) -> None:
        self._source = _Source(topic, group, config)
        self._watermarks = f"next:{group}:{topic}"
        self._redis = redis.Redis.from_url(os.environ["REDIS_URL"])
        self._apply = self._redis.register_script(_APPLY)

    def run_once(self, wait_s: float = 1.0, limit: int = 100) -> int:
        records = self._source.take(limit, wait_s)
        if records:
            try:
                self._count(records)
            except BaseException:
                self._source.rewind(records)
                raise
            self._source.commit(records)
        return len(records)

    def _count(self, records: list[Message]) -> None:
        told: list[Any] = [json.dumps(self._source.committed())]
        for record in records:
            payment = Payment.decoded(record.value())
            told += [record.partition(), record.offset(), payment.account, payment.amount]
        try:
            self._apply([BALANCES, self._watermarks], told)
        except redis.ResponseError as error:
            if "LOST" in str(error):
                raise StateLost(str(error)) from None
            raise

    def close(self) -> None:
        self._source.close()
        self._redis.close()


class TransactionalProcessor:
    """Output and place in the source are one transaction."""

    def __init__(
        self,
        source: str,
        target: str,
        group: str,
        transactional_id: str,
        transform: Callable[[Payment], list[Payment]],
        config: Config | None = None,
    ) -> None:
        self._producer = Producer({**_servers(), "transactional.id": transactional_id})
        self._producer.init_transactions(30)
        self._source = _Source(source, group, config, **{"isolation.level": "read_committed"})
        self._target = target
        self._transform = transform

    def run_once(self, wait_s: float = 1.0, limit: int = 100) -> int:
        records = self._source.take(limit, wait_s)
        if records:
            self._producer.begin_transaction()
            try:
                self._process(records)
            except BaseException:
                self._undo(records)
                raise
        return len(records)

    def _process(self, records: list[Message]) -> None:
        for record in records:
            for payment in self._transform(Payment.decoded(record.value())):
                self._producer.produce(self._target, key=payment.account, value=payment.encoded())
                self._producer.poll(0)
        self._producer.send_offsets_to_transaction(after(records), self._source.metadata(), 30)
        self._producer.commit_transaction(30)

    def _undo(self, records: list[Message]) -> None:
        self._source.rewind(records)
        self._producer.abort_transaction(30)

    def close(self) -> None:
        self._source.close()


_PROPERTIES: dict[str, dict[str, Any]] = {
    "acks=0": {"acks": 0, "enable.idempotence": False},
    "acks=1": {"acks": 1, "enable.idempotence": False},
    "acks=all": {"acks": "all", "enable.idempotence": False},
    "idempotent": {"acks": "all", "enable.idempotence": True},
    "transactional": {"acks": "all", "enable.idempotence": True},
}
_TRANSACTION = 100  # records


def producer_config(guarantee: str) -> dict[str, Any]:
    """The properties that make a producer promise *guarantee*."""
    made = dict(_PROPERTIES[guarantee])
    if guarantee == "transactional":
        made["transactional.id"] = f"measured-{os.getpid()}-{time.time_ns()}"
    return made


def measure(guarantee: str, topic: str, count: int, size: int = 200, config: Config | None = None) -> Cost:
    """Send *count* records of *size* bytes, and see what it costs."""
    producer = Producer({**_servers(), **producer_config(guarantee), **(config or {})})
    is_transactional = guarantee == "transactional"
    if is_transactional:
        producer.init_transactions(30)
    producer.list_topics(topic, timeout=30)  # connected, and the leader known
    run = _Run(producer, topic, os.urandom(size // 2).hex().ljust(size, "x").encode())
    start = time.perf_counter()
    for sent in range(0, count, _TRANSACTION):
        many = min(_TRANSACTION, count - sent)
        run.send_in_transaction(many) if is_transactional else run.send(many)
    if not is_transactional:
        run.flush()
    seconds = max(run.ends) - start if run.ends else 0.0
    return Cost(acknowledged=len(run.ends), seconds=seconds, latencies_ms=run.latencies)


class _Run:
    """Records on their way, and when they were acknowledged."""

    def __init__(self, producer: Producer, topic: str, value: bytes) -> None:
        self._producer, self._topic, self._value = producer, topic, value
        self.ends: list[float] = []
        self.latencies: list[float] = []

    def send(self, count: int, acknowledged: Callable[[float], None] | None = None) -> None:
        for _ in range(count):
            self._send(acknowledged or self._acknowledged)

    def _send(self, acknowledged: Callable[[float], None]) -> None:
        sent = time.perf_counter()
        while True:
            try:
                self._producer.produce(
                    self._topic, self._value, on_delivery=lambda error, _m: error or acknowledged(sent)
                )
            except BufferError:
                self._producer.poll(0.01)
            else:
                self._producer.poll(0)
                return

    def send_in_transaction(self, count: int) -> None:
        written: list[float] = []
        self._producer.begin_transaction()
        self.send(count, written.append)
        self.flush()
        self._producer.commit_transaction(30)
        for sent in written:
            self._acknowledged(sent)

    def flush(self) -> None:
        self._producer.flush(60)

    def _acknowledged(self, sent: float) -> None:
        now = time.perf_counter()
        self.ends.append(now)
        self.latencies.append(1000 * (now - sent))
