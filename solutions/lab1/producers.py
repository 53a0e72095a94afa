"""Model answer: an idempotent producer that chooses partitions itself, by librdkafka's murmur2."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaException

from labs.lab1.messages import Message, default_topic

Partitioner = Callable[[Message, int], int]  # of a message and a number of partitions


def create_producer(
    partition_strategy: str = "key_hash",
    *,
    topic: str | None = None,
    batch_size: int = 100,
    max_in_queue: int = 100_000,
    delivery_timeout_s: float = 30.0,
) -> Producer:
    """A producer to *topic*, by default the lab's own."""
    partitioner = _partitioner(partition_strategy, batch_size)
    return Producer(partitioner, topic or default_topic(), max_in_queue, delivery_timeout_s)


def _partitioner(strategy: str, batch_size: int) -> Partitioner:
    if strategy == "key_hash":
        return by_key
    if strategy == "round_robin":
        return InTurn(1)
    if strategy == "sticky":
        return InTurn(batch_size)
    raise ValueError(f"partition_strategy={strategy!r}: it has to be round_robin, key_hash or sticky")


def by_key(message: Message, partitions: int) -> int:
    """The partition that Java's default partitioner gives the key."""
    return int(confluent_kafka.murmur2(message.key.encode(), partitions))


class InTurn:
    """Partitions in turn, each for *run* messages; it begins anywhere."""

    def __init__(self, run: int) -> None:
        self._run = run
        self._sent = count()
        self._first = random.randrange(1 << 16)

    def __call__(self, message: Message, partitions: int) -> int:
        return (self._first + next(self._sent) // self._run) % partitions


class Producer:
    """Sends messages, and tells which of them are safe."""

    def __init__(
        self, partitioner: Partitioner, topic: str, max_in_queue: int, delivery_timeout_s: float
    ) -> None:
        self.delivered: list[Message] = []
        self.failed: list[Message] = []
        self._partitioner = partitioner
        self._topic = topic
        self._given_up_at = time.monotonic() + delivery_timeout_s  # a topic that is not there by then
        self._partitions = 0
        self._producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
                "enable.idempotence": True,
                # A leader that has just begun may refuse a batch and take the one behind it, as the first of
                # this producer (KIP-360); the batch that it refused would then pass for a copy, and be lost.
                "max.in.flight.requests.per.connection": 1,
                "message.timeout.ms": int(delivery_timeout_s * 1000),
                "queue.buffering.max.messages": max_in_queue,
                "allow.auto.create.topics": False,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )

    def send(self, message: Message) -> None:
        """Have *message* sent; waits for room in the queue only."""
        partitions = self._count_partitions()
        if not partitions:
            self.failed.append(message)
            return
        partition = self._partitioner(message, partitions)
        while True:
            try:
                self._produce(message, partition)
                break
            except BufferError:  # full: what is acknowledged, or given up, makes room
                self._producer.poll(0.1)
            except KafkaException:
                self.failed.append(message)
                break
        self._producer.poll(0)

    def flush(self) -> None:
        """Return when each message is in `delivered` or in `failed`."""
        while self._producer.flush(1.0):
            pass

    def close(self) -> None:
        """The same; the connections end with the last reference to the client."""
        self.flush()

    def _produce(self, message: Message, partition: int) -> None:
        self._producer.produce(
            self._topic,
            key=message.key.encode(),
            value=message.encoded(),
            partition=partition,
            on_delivery=partial(self._done, message),
        )

    def _done(self, message: Message, error: Any, _record: Any) -> None:
        (self.delivered if error is None else self.failed).append(message)

    def _count_partitions(self) -> int:
        """How many partitions the topic has; 0 if it is not there, though it has been waited for."""
        while not (self._partitions or self._look()):
            if time.monotonic() > self._given_up_at:
                return 0
            time.sleep(0.05)
        return self._partitions

    def _look(self) -> int:
        try:
            found = self._producer.list_topics(self._topic, timeout=1.0)
        except KafkaException:
            return 0
        self._partitions = len(found.topics[self._topic].partitions)
        return self._partitions
