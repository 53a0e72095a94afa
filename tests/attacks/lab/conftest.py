"""What the kit sees of the student's work, past the student's code: connections and records."""

import secrets
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from pytest_labkit.services import Endpoint


class Service(socketserver.ThreadingTCPServer):
    """A payment service that answers as `answers` says, and counts who asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Payment)
        self.works = False
        self.amounts: list[int] = []


class _Payment(socketserver.StreamRequestHandler):
    server: Service

    def handle(self) -> None:
        """One payment."""
        amount = int(self.rfile.readline())
        self.server.amounts.append(amount)
        self.wfile.write(b"ok\n" if self.server.works else b"no\n")


@pytest.fixture
def service() -> Iterator[Service]:
    """A payment service of the test's own, broken until the test says otherwise."""
    with Service() as made:
        threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield made
        made.shutdown()


class Topic:
    """A topic that nobody knew before, and what the broker has in it."""

    def __init__(self, address: str) -> None:
        self._servers = {"bootstrap.servers": address}
        self.name = f"trade-{secrets.token_hex(4)}"
        admin = AdminClient(self._servers)
        admin.list_topics(timeout=20)  # librdkafka drops what it asks before it knows the brokers
        admin.create_topics([NewTopic(self.name, 1, 1)])[self.name].result(20)

    def end(self) -> int:
        """How many records the broker has accepted."""
        consumer = Consumer({**self._servers, "group.id": secrets.token_hex(4)})
        try:
            return int(consumer.get_watermark_offsets(TopicPartition(self.name, 0), timeout=20)[1])
        finally:
            consumer.close()

    def values(self) -> Counter[bytes]:
        """The values of all records, with how often each is there."""
        consumer = Consumer({**self._servers, "group.id": secrets.token_hex(4), "enable.auto.commit": False})
        consumer.assign([TopicPartition(self.name, 0, 0)])
        found: Counter[bytes] = Counter()
        try:
            wanted = self.end()
            while found.total() < wanted:
                found.update(record.value() for record in consumer.consume(1000, 5) if record.error() is None)
        finally:
            consumer.close()
        return found


@pytest.fixture
def topic(kafka: Endpoint) -> Topic:
    """An empty topic."""
    return Topic(kafka.address)
