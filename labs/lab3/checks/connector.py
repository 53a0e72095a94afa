"""Don't change this file: carries the changes of the table into a topic of Kafka, while a check runs."""

from __future__ import annotations

import threading
from typing import Any

from botocore.exceptions import ConnectionError, HTTPClientError  # noqa: A004 - it is botocore's

from labs.lab3.streams import DynamoDBStream, as_json
from pytest_labkit import KitError

PARTITIONS = 3
_WAIT_S = 0.05
_DEADLINE_S = 30.0


class Connector:
    """
    A thread that reads the stream of the table at *dynamodb* and produces to *topic*, with `acks=all`.

    Each changed item is a message, with the id of its stream of events as its key. While DynamoDB is away it
    waits, and goes on where it was.
    """

    def __init__(self, dynamodb: str, bootstrap: str, topic: str) -> None:
        from confluent_kafka import Producer

        _make_topic(bootstrap, topic)
        self._bootstrap = bootstrap
        self._topic = topic
        self._stream = DynamoDBStream(dynamodb)
        self._producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 0})
        self._done = threading.Event()
        self._idle = threading.Condition()
        self._rounds = 0
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._carry, name="connector", daemon=True)
        self._thread.start()

    def wait_until_all_is_carried(self) -> None:
        """Return when what was put before the call is in the topic."""
        with self._idle:
            begun = self._rounds
            # Two: the round that is under way may have looked before the last item was put.
            self._idle.wait_for(lambda: self._rounds >= begun + 2 or self._error, _DEADLINE_S)
        if self._error is not None or self._rounds < begun + 2:
            raise KitError(
                f"The connector did not carry the changes into Kafka: {self._error or 'no time left'}.",
                "Run the criterion again; labkit doctor says what the machine lacks.",
            )

    def cut_off(self) -> None:
        """Let the topic forget all that is in it, as it forgets what has become too old."""
        from confluent_kafka import OFFSET_END, TopicPartition
        from confluent_kafka.admin import AdminClient

        self.wait_until_all_is_carried()
        admin = AdminClient({"bootstrap.servers": self._bootstrap})  # must outlive its futures
        everything = [TopicPartition(self._topic, number, OFFSET_END) for number in range(PARTITIONS)]
        for gone in admin.delete_records(everything).values():
            gone.result(_DEADLINE_S)

    def close(self) -> None:
        """End it."""
        self._done.set()
        self._thread.join(_DEADLINE_S)
        del self._producer  # which has no close: as long as it is there, it looks for its broker

    def _carry(self) -> None:
        position: str | None = None
        try:
            while not self._done.is_set():
                items, position = self._read(position)
                for item in items:
                    self._produce(item)
                self._producer.flush(_DEADLINE_S)
                if not items:
                    self._tell()
        except Exception as error:
            self._error = error
            self._tell()

    def _read(self, position: str | None) -> tuple[list[dict[str, Any]], str | None]:
        try:
            return self._stream.read(position, wait_s=_WAIT_S)
        except (ConnectionError, HTTPClientError):  # nobody is there, or the connection is cut
            self._done.wait(_WAIT_S)
            return [], position

    def _produce(self, item: dict[str, Any]) -> None:
        self._producer.produce(self._topic, as_json(item), key=item["aggregate_id"]["S"].encode())
        self._producer.poll(0)

    def _tell(self) -> None:
        with self._idle:
            self._rounds += 1
            self._idle.notify_all()


def _make_topic(bootstrap: str, topic: str) -> None:
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": bootstrap})
    for made in admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
        made.result(_DEADLINE_S)
