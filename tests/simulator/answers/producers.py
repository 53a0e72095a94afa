"""A student's producers that go wrong: one raises, one hangs, one floods the topic and the terminal."""

import os
import time

from confluent_kafka import Producer


def create_producer(partition_strategy="key_hash", *, topic=None, **_options):
    return {"round_robin": Raises, "key_hash": Hangs, "sticky": Floods}[partition_strategy](topic)


class Raises:
    def __init__(self, topic):
        self.topic, self.sent = topic, 0
        self.delivered, self.failed = [], []
        self.producer = Producer({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"]})

    def send(self, message):
        self.sent += 1
        if self.sent % 3 == 0:
            raise ValueError("every third one")
        self.producer.produce(
            self.topic, message.encoded(), message.key, on_delivery=lambda *_: self.delivered.append(message)
        )

    def flush(self):
        self.producer.flush()

    def close(self):
        self.flush()


class Hangs(Raises):
    def send(self, message):
        self.sent += 1
        if self.sent > 5:
            time.sleep(1000)
        self.producer.produce(self.topic, message.encoded(), message.key)


class Floods(Raises):
    def send(self, message):
        print("look, " * 200)
        for _ in range(500):
            try:
                self.producer.produce(self.topic, message.encoded(), message.key)
            except BufferError:
                self.producer.poll(0.1)
