"""librdkafka's own partitioner murmur2 places keys; the client is a subclass of confluent_kafka's."""

import os
import time
from itertools import cycle, repeat

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as Client

from labs.lab1 import messages


def places(strategy, batch_size, count):
    """Where the messages go, one after another; `None` leaves it to the client."""
    if strategy == "key_hash":
        return repeat(None)
    size = 1 if strategy == "round_robin" else batch_size
    return (partition for partition in cycle(range(count)) for _ in range(size))


def create_producer(partition_strategy="key_hash", **options):
    if partition_strategy not in {"round_robin", "key_hash", "sticky"}:
        raise ValueError(f"unknown strategy {partition_strategy}")
    options.setdefault("topic", None)
    options["topic"] = options["topic"] or messages.default_topic()
    return Producer(partition_strategy, **options)


class Producer(Client):
    def __init__(self, strategy, topic, batch_size=100, max_in_queue=100_000, delivery_timeout_s=30.0):
        super().__init__(
            {
                "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
                "partitioner": "murmur2",
                "enable.idempotence": "true",
                "linger.ms": 2,
                "batch.num.messages": 500,
                "message.timeout.ms": round(1000 * delivery_timeout_s),
                "queue.buffering.max.messages": max_in_queue,
                "allow.auto.create.topics": "false",
                "reconnect.backoff.max.ms": 250,
                "log_level": 0,
            }
        )
        self.strategy, self.topic, self.size = strategy, topic, batch_size
        self.deadline = time.monotonic() + delivery_timeout_s
        self.places = None
        self.outcomes = []  # (message, whether it is safe)

    @property
    def delivered(self):
        return [message for message, safe in self.outcomes if safe]

    @property
    def failed(self):
        return [message for message, safe in self.outcomes if not safe]

    def look(self):
        while self.places is None:
            try:
                count = len(self.list_topics(self.topic, 1).topics[self.topic].partitions)
            except KafkaException:
                count = 0
            if count:
                self.places = places(self.strategy, self.size, count)
            elif time.monotonic() > self.deadline:
                return False
            else:
                time.sleep(0.05)
        return True

    def send(self, message):
        self.poll(0)
        if not self.look():
            self.outcomes.append((message, False))
            return
        place = next(self.places)
        where = {} if place is None else {"partition": place}
        while True:
            try:
                self.produce(
                    self.topic,
                    value=message.encoded(),
                    key=message.key.encode(),
                    on_delivery=lambda error, _: self.outcomes.append((message, error is None)),
                    **where,
                )
            except BufferError:
                self.poll(0.05)
            except KafkaException as error:
                if error.args[0].code() == KafkaError._QUEUE_FULL:
                    continue
                self.outcomes.append((message, False))
                return
            else:
                return

    def close(self):
        self.flush()
