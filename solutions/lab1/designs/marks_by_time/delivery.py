"""Offsets that were added stand in sorted sets, by the time when that was; what is older goes."""

import os
import time
from dataclasses import dataclass, field
from itertools import groupby

import redis
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from labs.lab1.payments import BALANCES, Cost, Payment, StateLost

DAYS_S = 2 * 24 * 3600


def consumer_of(topic, group, config, **own):
    own = {
        "auto.offset.reset": "smallest",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
    } | own
    made = Consumer(
        {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "group.id": group}
        | dict(config or {})
        | own
    )
    made.subscribe([topic])
    return made


def batch(consumer, wait_s, limit):
    """Records of one call of `consume`; whoever told of something else is asked again."""
    end = time.monotonic() + wait_s
    while True:
        taken = consumer.consume(1, max(0.0, end - time.monotonic()))
        if taken and limit > 1:
            taken += consumer.consume(limit - 1, 0.01)
        records = [message for message in taken if not message.error()]
        if records or time.monotonic() >= end:
            return records


def position(record, step=0):
    return TopicPartition(record.topic(), record.partition(), record.offset() + step)


def back_to(consumer, records):
    """The first of *records* in each partition comes next."""
    for record in reversed(records):
        try:
            consumer.seek(position(record))
        except KafkaException as error:
            if error.args[0].code() not in (KafkaError._STATE, KafkaError._UNKNOWN_PARTITION):
                raise


def settle(consumer, records):
    """Have *records* committed, all of them."""
    for record in records:
        try:
            consumer.store_offsets(offsets=[position(record, 1)])
        except KafkaException:  # not ours any more
            back_to(consumer, records)
            raise
    try:
        for place in consumer.commit(asynchronous=False):
            if place.error:
                raise KafkaException(place.error)
    except KafkaException as error:
        if error.args[0].code() != KafkaError._NO_OFFSET:
            back_to(consumer, records)
            raise


class AtMostOnceConsumer:
    def __init__(self, topic, group, handle, config=None):
        self.handle = handle
        self.consumer = consumer_of(topic, group, config)
        self.close = self.consumer.close

    def run_once(self, wait_s=1.0, limit=100):
        records = batch(self.consumer, wait_s, limit)
        if records:
            settle(self.consumer, records)
        for record in records:
            self.handle(Payment.decoded(record.value()))
        return len(records)


class AtLeastOnceConsumer:
    def __init__(self, topic, group, handle, config=None):
        self.handle = handle
        self.consumer = consumer_of(topic, group, config)
        self.close = self.consumer.close
        self.dead_letters = DeadLetters(f"{topic}.dlq")

    def run_once(self, wait_s=1.0, limit=100):
        records = batch(self.consumer, wait_s, limit)
        for number, record in enumerate(records):
            try:
                self.one(record)
            except BaseException:
                back_to(self.consumer, records[number:])
                if number:
                    settle(self.consumer, records[:number])
                raise
        if records:
            settle(self.consumer, records)
        return len(records)

    def one(self, record):
        try:
            payment = Payment.decoded(record.value())
        except ValueError as error:
            self.dead_letters.add(record, str(error).splitlines()[0])
        else:
            self.handle(payment)


@dataclass
class DeadLetters:
    topic: str
    producer: Producer | None = None
    errors: list = field(default_factory=list)

    def add(self, record, reason):
        if self.producer is None:
            servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
            self.producer = Producer({"bootstrap.servers": servers, "on_delivery": self.report})
        headers = (record.headers() or []) + [("reason", reason)]
        self.producer.produce(self.topic, record.value(), record.key(), headers=headers)
        left = self.producer.flush(30)
        if left or self.errors:
            raise KafkaException(self.errors.pop() if self.errors else KafkaError(KafkaError._TIMED_OUT))

    def report(self, error, _record):
        if error:
            self.errors.append(error)


MARK_AND_ADD = """
local born, marks, balances = KEYS[1], KEYS[2], KEYS[3]
local now, keep, is_old = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
if is_old and redis.call('EXISTS', born) == 0 then return 0 end
redis.call('SETNX', born, now)
redis.call('ZREMRANGEBYSCORE', marks, '-inf', now - keep)
for i = 4, #ARGV, 3 do
  if redis.call('ZADD', marks, 'NX', now, ARGV[i]) == 1 then
    redis.call('HINCRBY', balances, ARGV[i + 1], ARGV[i + 2])
  end
end
redis.call('EXPIRE', marks, keep)
return 1
"""


class IdempotentConsumer:
    def __init__(self, topic, group, config=None):
        self.name = f"{group}:{topic}"
        self.topic = topic
        self.consumer = consumer_of(topic, group, config)
        self.close = self.consumer.close
        self.redis = redis.from_url(os.environ["REDIS_URL"])

    def run_once(self, wait_s=1.0, limit=100):
        records = batch(self.consumer, wait_s, limit)
        if not records:
            return 0
        try:
            is_old = self.is_old()
            by_partition = sorted(records, key=lambda record: record.partition())
            for partition, group in groupby(by_partition, key=lambda record: record.partition()):
                self.add(partition, list(group), is_old)
        except BaseException:
            back_to(self.consumer, records)
            raise
        settle(self.consumer, records)
        return len(records)

    def add(self, partition, records, is_old):
        payments = [(record.offset(), Payment.decoded(record.value())) for record in records]
        flat = [x for offset, payment in payments for x in (offset, payment.account, payment.amount)]
        keys = [f"{self.name}:born", f"{self.name}:{partition}", BALANCES]
        if not self.redis.eval(MARK_AND_ADD, 3, *keys, int(time.time()), DAYS_S, int(is_old), *flat):
            raise StateLost(f"{self.name} has been born, and Redis does not know")

    def is_old(self):
        """Whether the group has committed anything."""
        there = self.consumer.list_topics(self.topic, timeout=15).topics[self.topic].partitions
        asked = [TopicPartition(self.topic, partition) for partition in there]
        return any(place.offset > 0 for place in self.consumer.committed(asked, timeout=15))


class TransactionalProcessor:
    def __init__(self, source, target, group, transactional_id, transform, config=None):
        self.target, self.transform = target, transform
        self.producer = Producer(
            {
                "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
                "transactional.id": transactional_id,
                "linger.ms": 1,
            }
        )
        self.producer.init_transactions(60)
        self.consumer = consumer_of(source, group, config)
        self.close = self.consumer.close

    def run_once(self, wait_s=1.0, limit=100):
        records = batch(self.consumer, wait_s, limit)
        done = 0
        by_partition = sorted(records, key=lambda record: record.partition())
        for _, group in groupby(by_partition, key=lambda record: record.partition()):
            group = list(group)
            try:
                self.in_a_transaction(group)
            except BaseException:
                back_to(self.consumer, by_partition[done:])
                self.producer.abort_transaction(30)
                raise
            done += len(group)
        return done

    def in_a_transaction(self, records):
        self.producer.begin_transaction()
        for record in records:
            for output in self.transform(Payment.decoded(record.value())):
                self.producer.produce(self.target, output.encoded(), output.account)
        self.producer.send_offsets_to_transaction(
            [position(records[-1], 1)], self.consumer.consumer_group_metadata(), 30
        )
        self.producer.commit_transaction(30)


def producer_config(guarantee):
    name, _, acks = guarantee.partition("=")
    if name == "acks":
        return {"acks": acks, "enable.idempotence": False}
    identity = {"transactional.id": f"costs {os.getpid()} {time.time()}"} if name == "transactional" else {}
    return {"enable.idempotence": True} | identity


def measure(guarantee, topic, count, size=200, config=None):
    """librdkafka itself says of each record how long it took."""
    ends = []

    def report(error, record):
        if error is None:
            now = time.perf_counter()
            ends.append((now - record.latency(), now))

    producer = Producer(
        {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "on_delivery": report}
        | producer_config(guarantee)
        | dict(config or {})
    )
    is_transactional = guarantee == "transactional"
    if is_transactional:
        producer.init_transactions(30)
        producer.begin_transaction()
    start = time.perf_counter()
    for _ in range(count):
        while True:
            try:
                producer.produce(topic, b"m" * size)
            except BufferError:
                producer.poll(0.005)
            else:
                break
        producer.poll(0)
    producer.flush(60)
    if is_transactional:
        producer.commit_transaction(30)
        ends = [(begin, time.perf_counter()) for begin, _ in ends]
    return Cost(
        acknowledged=len(ends),
        seconds=max(end for _, end in ends) - start if ends else 0,
        latencies_ms=[1000 * (end - begin) for begin, end in ends],
    )
