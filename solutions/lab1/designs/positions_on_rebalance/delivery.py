"""Each partition has a queue of its own here, which goes when the group takes the partition away."""

import json
import os
import time
from collections import deque

import redis
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from labs.lab1.payments import BALANCES, GUARANTEES, Cost, Payment, StateLost

SERVERS = "KAFKA_BOOTSTRAP_SERVERS"


class Queues:
    """Records that were fetched, by partition; what is not done yet stays, until the partition goes."""

    def __init__(self, topic, group, config=None, **own):
        self.topic = topic
        self.consumer = Consumer(
            {
                "bootstrap.servers": os.environ[SERVERS],
                "group.id": group,
                "auto.offset.reset": "earliest",
                **own,
                **dict(config or {}),
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
            }
        )
        self.queues = {}
        self.consumer.subscribe([topic], on_assign=self.given, on_revoke=self.taken, on_lost=self.taken)

    def given(self, _consumer, partitions):
        for place in partitions:
            self.queues[place.partition] = deque()

    def taken(self, _consumer, partitions):
        for place in partitions:
            self.queues.pop(place.partition, None)

    def fill(self, wait_s, limit):
        """Have a record, if one comes in time; none is fetched while there are some."""
        until = time.monotonic() + wait_s
        while not any(self.queues.values()):
            left = until - time.monotonic()
            messages = self.consumer.consume(limit, min(0.05, max(0.0, left)))
            for message in messages:
                if message.error() is None and message.partition() in self.queues:
                    self.queues[message.partition()].append(message)
            if left <= 0 and not any(self.queues.values()):
                return

    def heads(self, limit):
        """Up to *limit* records that come next, those of one partition together."""
        found = []
        for queue in self.queues.values():
            found += list(queue)[: limit - len(found)]
        return found

    def done(self, record):
        queue = self.queues.get(record.partition())
        if queue and queue[0].offset() == record.offset():
            queue.popleft()

    def commit(self, places):
        for place in self.consumer.commit(offsets=places, asynchronous=False):
            if place.error:
                raise KafkaException(place.error)

    def close(self):
        self.consumer.close()


def places_after(records):
    return list(
        {r.partition(): TopicPartition(r.topic(), r.partition(), r.offset() + 1) for r in records}.values()
    )


class AtMostOnceConsumer:
    def __init__(self, topic, group, handle, config=None):
        self.queues, self.handle = Queues(topic, group, config), handle

    def run_once(self, wait_s=1.0, limit=100):
        self.queues.fill(wait_s, limit)
        records = self.queues.heads(limit)
        if records:
            self.queues.commit(places_after(records))
            for record in records:
                self.queues.done(record)
            for record in records:
                self.handle(Payment.decoded(record.value()))
        return len(records)

    def close(self):
        self.queues.close()


class AtLeastOnceConsumer:
    def __init__(self, topic, group, handle, config=None):
        self.queues, self.handle = Queues(topic, group, config), handle
        self.dead = topic + ".dlq"
        self.producer = None

    def run_once(self, wait_s=1.0, limit=100):
        self.queues.fill(wait_s, limit)
        records = self.queues.heads(limit)
        handled = []
        try:
            for record in records:
                self.one(record)
                handled.append(record)
        finally:
            if handled:
                for record in handled:
                    self.queues.done(record)
                for place in places_after(handled):
                    self.queues.consumer.store_offsets(offsets=[place])
                self.queues.commit(places_after(handled))
        return len(handled)

    def one(self, record):
        try:
            payment = Payment.decoded(record.value())
        except ValueError as error:
            self.send_to_the_dead(record, error)
            return
        self.handle(payment)

    def send_to_the_dead(self, record, error):
        self.producer = self.producer or Producer({"bootstrap.servers": os.environ[SERVERS], "acks": "all"})
        failures = []
        self.producer.produce(
            self.dead,
            value=record.value(),
            key=record.key(),
            headers=[("reason", f"no payment: {error}".encode()), *(record.headers() or [])],
            callback=lambda problem, _: failures.append(problem) if problem else None,
        )
        if self.producer.flush(20) or failures:
            raise KafkaException(*failures)

    def close(self):
        self.queues.close()


class IdempotentConsumer:
    """`seen` is a JSON object, partition -> offset that comes next, replaced together with the balances."""

    def __init__(self, topic, group, config=None):
        self.queues = Queues(topic, group, config)
        self.client = redis.Redis.from_url(os.environ["REDIS_URL"])
        self.key = f"seen {topic} {group}"
        self.all = None

    def run_once(self, wait_s=1.0, limit=100):
        self.queues.fill(wait_s, limit)
        records = self.queues.heads(limit)
        if records:
            committed = self.committed()  # first: what Redis knows then is as much, or more
            self.client.transaction(lambda pipe: self.add(pipe, records, committed), self.key, BALANCES)
            for record in records:
                self.queues.done(record)
            self.queues.commit(places_after(records))
        return len(records)

    def add(self, pipe, records, committed):
        """Read, decide, and queue the writes: they happen only if nobody has written meanwhile."""
        seen = json.loads(pipe.get(self.key) or b"{}")
        for partition, offset in committed.items():
            if seen.get(partition, 0) < offset:
                raise StateLost(f"partition {partition} is committed to {offset}, Redis knows {seen}")
        pipe.multi()
        for record in records:
            partition = str(record.partition())
            if record.offset() >= seen.get(partition, 0):
                payment = Payment.decoded(record.value())
                pipe.hincrby(BALANCES, payment.account, payment.amount)
                seen[partition] = record.offset() + 1
        pipe.set(self.key, json.dumps(seen))

    def committed(self):
        if self.all is None:
            topic = self.queues.topic
            told = self.queues.consumer.list_topics(topic, timeout=20).topics[topic]
            self.all = [TopicPartition(topic, number) for number in told.partitions]
        places = self.queues.consumer.committed(self.all, timeout=20)
        return {str(place.partition): place.offset for place in places if place.offset >= 0}

    def close(self):
        self.queues.close()
        self.client.close()


class TransactionalProcessor:
    def __init__(self, source, target, group, transactional_id, transform, config=None):
        self.target, self.transform = target, transform
        self.producer = Producer(
            {"bootstrap.servers": os.environ[SERVERS], "transactional.id": transactional_id}
        )
        self.producer.init_transactions(30)
        self.queues = Queues(source, group, config)

    def run_once(self, wait_s=1.0, limit=100):
        self.queues.fill(wait_s, limit)
        records = self.queues.heads(limit)
        if not records:
            return 0
        outputs = [output for record in records for output in self.transform(Payment.decoded(record.value()))]
        self.producer.begin_transaction()
        try:
            for output in outputs:
                self.producer.produce(self.target, key=output.account, value=output.encoded())
            self.producer.flush(20)
            self.producer.send_offsets_to_transaction(
                places_after(records), self.queues.consumer.consumer_group_metadata()
            )
            self.producer.commit_transaction()
        except Exception:
            self.producer.abort_transaction()
            raise
        for record in records:
            self.queues.done(record)
        return len(records)

    def close(self):
        self.queues.close()


def producer_config(guarantee):
    at = GUARANTEES.index(guarantee)
    config = {"request.required.acks": [0, 1, -1, -1, -1][at], "enable.idempotence": at > 2}
    return config | ({"transactional.id": f"m-{time.monotonic_ns()}"} if at == 4 else {})


def measure(guarantee, topic, count, size=200, config=None):
    """In chunks of fifty, each of them waited for before the next is sent."""
    producer = Producer(
        {"bootstrap.servers": os.environ[SERVERS], **producer_config(guarantee), **(config or {})}
    )
    if guarantee == "transactional":
        producer.init_transactions()
    value, latencies, first, last = b"." * size, [], None, None
    for begin in range(0, count, 50):
        acknowledged = []
        if guarantee == "transactional":
            producer.begin_transaction()
        for _ in range(min(50, count - begin)):
            sent = time.perf_counter()
            first = first or sent
            producer.produce(
                topic,
                value,
                callback=lambda error, _m, sent=sent: (
                    error or acknowledged.append((sent, time.perf_counter()))
                ),
            )
        producer.flush()
        if guarantee == "transactional":
            producer.commit_transaction()
            now = time.perf_counter()
            acknowledged = [(sent, now) for sent, _ in acknowledged]
        latencies += [1000 * (end - sent) for sent, end in acknowledged]
        last = max([last or 0.0, *(end for _, end in acknowledged)])
    return Cost(
        acknowledged=len(latencies), seconds=last - first if latencies else 0.0, latencies_ms=latencies
    )
