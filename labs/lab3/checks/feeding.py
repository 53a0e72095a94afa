"""Don't change this file: the fixtures of part B: a shop, and the stream that its `projections.py` chose."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from labs.lab3.checks.shop import Shop
from pytest_labkit import expect
from pytest_labkit.checks.empty_redis import empty_redis

TABLE = "event-store"
_chosen: dict[Path, type] = {}


def chosen_stream(answers: Any) -> type:
    """The class that `STREAM` in projections.py is; asked of a process of its own, once in a run."""
    from labs.lab3.streams import DynamoDBStream, KafkaStream  # 0.2 s for boto3, which part A may do without

    file = answers.path("projections.py")
    if file not in _chosen:
        with answers.another_process() as other:
            stream = other.projections.STREAM
        expect(
            stream is DynamoDBStream or stream is KafkaStream,
            checked="which stream projections.py has chosen",
            expected="STREAM = DynamoDBStream or STREAM = KafkaStream in projections.py",
            got=f"{stream!r}",
        )
        _chosen[file] = stream
    return _chosen[file]


class Source:
    """
    Where the student's projector hears of changes: the stream of the table.

    Args:
        dynamodb: The test's own DynamoDB.
    """

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb

    def open(self) -> None:
        """From now on the changes of the table are in it."""
        self._dynamodb.start_stream(TABLE)

    def wait(self) -> None:
        """Return when what was put before the call is in it."""

    def cut_off(self) -> None:
        """Let all be gone that is in it."""
        self._dynamodb.stop_stream(TABLE)
        self._dynamodb.start_stream(TABLE)

    def close(self) -> None:
        """End what carries the changes."""


class Topic(Source):
    """A topic of Kafka, into which a connector carries the changes of the table."""

    def __init__(self, dynamodb: Any, bootstrap: str, topic: str) -> None:
        super().__init__(dynamodb)
        self._bootstrap, self._topic = bootstrap, topic
        self._connector: Any = None

    def open(self) -> None:
        from labs.lab3.checks.connector import Connector

        super().open()
        self._connector = Connector(
            self._dynamodb.env["AWS_ENDPOINT_URL_DYNAMODB"], self._bootstrap, self._topic
        )

    def wait(self) -> None:
        self._connector.wait_until_all_is_carried()

    def cut_off(self) -> None:
        self._connector.cut_off()

    def close(self) -> None:
        if self._connector is not None:
            self._connector.close()


def _is_near(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


@pytest.fixture
def own_redis(redis: Any) -> Iterator[Any]:
    """The endpoint of a Redis database that holds nothing but what this test makes, and its client."""
    with empty_redis(redis.address, "part B") as client:
        yield client


@pytest.fixture
def closed_shop(
    request: pytest.FixtureRequest,
    table: Any,
    dynamodb: Any,
    own_redis: Any,
    answers: Any,
    labkit_environ: Any,
) -> Iterator[Shop]:
    """A shop whose table has no stream yet: the test opens it."""
    delivery_s = 0.1 if _is_near(dynamodb.env["AWS_ENDPOINT_URL_DYNAMODB"]) else 2.0
    # What a test can break stands in front of the services, so the environment is complete only after that.
    bootstrap = None
    if chosen_stream(answers).__name__ == "KafkaStream":
        bootstrap = request.getfixturevalue("kafka").address
        delivery_s += 0.2
        labkit_environ["KAFKA_TOPIC"] = f"changes-{secrets.token_hex(4)}"
    for name in ("faults", "search"):
        if name in request.fixturenames:
            request.getfixturevalue(name)
    source = (
        Source(dynamodb) if bootstrap is None else Topic(dynamodb, bootstrap, labkit_environ["KAFKA_TOPIC"])
    )
    yield Shop(answers, table, source, delivery_s)
    source.close()


@pytest.fixture
def shop(closed_shop: Shop) -> Shop:
    """A shop; the changes of its table are in the stream."""
    closed_shop.open_stream()
    return closed_shop
