"""One thread owns the client: send() puts a message into a bounded queue, from which the thread takes it."""

import os
import queue
import random
import threading
import time

import confluent_kafka

from labs.lab1.messages import default_topic


def create_producer(
    partition_strategy="key_hash",
    *,
    topic=None,
    batch_size=100,
    max_in_queue=100_000,
    delivery_timeout_s=30.0,
):
    if partition_strategy == "key_hash":
        run = None
    elif partition_strategy == "round_robin":
        run = 1
    elif partition_strategy == "sticky":
        run = batch_size
    else:
        raise ValueError(f"no strategy {partition_strategy}")
    return Worker(run, topic or default_topic(), max_in_queue, delivery_timeout_s)


class Worker:
    def __init__(self, run, topic, max_in_queue, timeout_s):
        self.delivered, self.failed = [], []
        self._run, self._topic, self._timeout_s = run, topic, timeout_s
        self._max = max_in_queue
        self._changed = threading.Condition()
        self._open = 0  # messages whose outcome is not known
        self._inbox = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._work, args=(os.environ["KAFKA_BOOTSTRAP_SERVERS"],), daemon=True
        )
        self._thread.start()

    def send(self, message):
        with self._changed:
            self._changed.wait_for(lambda: self._open < self._max)
            self._open += 1
        self._inbox.put((time.monotonic() + self._timeout_s, message))

    def flush(self):
        with self._changed:
            self._changed.wait_for(lambda: self._open == 0)

    def close(self):
        self.flush()
        if self._thread.is_alive():
            self._inbox.put(None)
            self._thread.join()

    # on the thread

    def _work(self, servers):
        client = confluent_kafka.Producer(
            {
                "bootstrap.servers": servers,
                "enable.idempotence": True,
                "message.timeout.ms": int(self._timeout_s * 1000),
                "allow.auto.create.topics": False,
                "topic.metadata.refresh.interval.ms": 5000,
                "log_level": 0,
                "reconnect.backoff.max.ms": 400,
            }
        )
        partitions, at, left = 0, 0, 0
        while True:
            client.poll(0)
            try:
                job = self._inbox.get(timeout=0.01)
            except queue.Empty:
                continue
            if job is None:
                return
            until, message = job
            while not partitions and time.monotonic() < until:
                partitions = self._count(client)
                at = random.randrange(partitions or 1)
            if not partitions:
                self._ended(message, self.failed)
                continue
            if self._run is None:
                at = confluent_kafka.murmur2(message.key.encode(), partitions)
            else:
                if left == 0:
                    left = self._run
                    at = (at + 1) % partitions
                left -= 1
            self._hand_over(client, message, at)

    def _hand_over(self, client, message, at):
        def told(error, record):
            self._ended(message, self.failed if error else self.delivered)

        while True:
            try:
                client.produce(self._topic, message.encoded(), message.key, partition=at, callback=told)
                return
            except BufferError:
                client.poll(0.1)
            except confluent_kafka.KafkaException:
                self._ended(message, self.failed)
                return

    def _count(self, client):
        try:
            there = client.list_topics(timeout=0.5).topics
        except confluent_kafka.KafkaException:
            return 0
        if self._topic not in there:
            time.sleep(0.1)
            return 0
        return len(there[self._topic].partitions)

    def _ended(self, message, where):
        with self._changed:
            where.append(message)
            self._open -= 1
            self._changed.notify_all()
