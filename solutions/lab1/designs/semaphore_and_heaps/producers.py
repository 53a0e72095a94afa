"""Murmur2 in Python; a semaphore counts what waits; a thread polls."""

import os
import threading
import time

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from labs.lab1.messages import default_topic

MASK = 0xFFFFFFFF
M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    h = (0x9747B28C ^ len(data)) & MASK
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * M & MASK
        k ^= k >> 24
        h = (h * M & MASK) ^ (k * M & MASK)
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * M & MASK
    h ^= h >> 13
    h = h * M & MASK
    return h ^ h >> 15


class KeyHash:
    def choose(self, key, n):
        return (murmur2(key) & 0x7FFFFFFF) % n


class RoundRobin:
    turn = -1

    def choose(self, key, n):
        self.turn = (self.turn + 1) % n
        return self.turn


class Sticky:
    def __init__(self, size):
        self.size = size
        self.left = 0
        self.where = 0

    def choose(self, key, n):
        if self.left == 0:
            self.where = (self.where + 1) % n
            self.left = self.size
        self.left -= 1
        return self.where


def create_producer(
    partition_strategy="key_hash",
    *,
    topic=None,
    batch_size=100,
    max_in_queue=100_000,
    delivery_timeout_s=30.0,
):
    strategies = {"key_hash": KeyHash, "round_robin": RoundRobin, "sticky": lambda: Sticky(batch_size)}
    if partition_strategy not in strategies:
        raise ValueError(partition_strategy)
    chosen = strategies[partition_strategy]()
    return Sender(chosen, topic or default_topic(), max_in_queue, delivery_timeout_s)


class Sender:
    def __init__(self, strategy, topic, max_in_queue, timeout_s):
        self.delivered = []
        self.failed = []
        self._strategy = strategy
        self._topic = topic
        self._timeout_s = timeout_s
        self._servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
        self._room = threading.Semaphore(max_in_queue)
        self._n = 0
        self._born = time.monotonic()
        self._stop = threading.Event()
        self._client = Producer(
            {
                "bootstrap.servers": self._servers,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 10,
                "delivery.timeout.ms": int(timeout_s * 1000),
                "queue.buffering.max.messages": max(max_in_queue * 2, 1000),
                "allow.auto.create.topics": False,
                "reconnect.backoff.max.ms": 300,
                "log_level": 0,
            }
        )
        self._poller = threading.Thread(target=self._poll, daemon=True)
        self._poller.start()

    def _poll(self):
        while not self._stop.is_set():
            self._client.poll(0.05)

    def _partitions(self):
        admin = AdminClient({"bootstrap.servers": self._servers, "log_level": 0})
        while not self._n:
            try:
                found = admin.list_topics(timeout=1.0).topics.get(self._topic)
            except KafkaException:
                found = None
            if found is not None:
                self._n = len(found.partitions)
            elif time.monotonic() - self._born > self._timeout_s:
                break
            else:
                time.sleep(0.1)
        return self._n

    def send(self, message):
        n = self._n or self._partitions()
        if n == 0:
            self.failed.append(message)
            return
        self._room.acquire()

        def told(error, _):
            if error:
                self.failed.append(message)
            else:
                self.delivered.append(message)
            self._room.release()

        key = message.key.encode("utf-8")
        try:
            self._client.produce(
                self._topic, message.encoded(), key, self._strategy.choose(key, n), on_delivery=told
            )
        except KafkaException:
            self.failed.append(message)
            self._room.release()

    def flush(self):
        self._client.flush()

    def close(self):
        self.flush()
        self._stop.set()
        self._poller.join()
