"""What lab 3 gives as streams of changes: both keep the same promises, over real servers."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from labs.lab3.checks.feeding import TABLE, Source, Topic
from labs.lab3.streams import DynamoDBStream, Item, KafkaStream, PositionLost
from pytest_labkit import services
from pytest_labkit.host import settings
from pytest_labkit.session.dynamodb import DynamoDBSandbox

DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.Services]:
    """A real DynamoDB and a real Kafka."""
    with services.Services(settings.resolve(tmp_path_factory.mktemp("checkout"))) as made:
        made.start(["dynamodb", "kafka"])
        yield made


@pytest.fixture
def tables(running: services.Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDBSandbox]:
    """A DynamoDB of the test's own with the table, which has no stream yet."""
    for name in running.endpoint("dynamodb").env:
        monkeypatch.setenv(name, os.environ.get(name, ""))  # so that it is as it was afterwards
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # which keeps the credentials of the test before
    with running.own("dynamodb") as endpoint:
        made = DynamoDBSandbox(endpoint, os.environ)
        made.create_table(TABLE, partition_key=("aggregate_id", "S"), sort_key=("version", "N"))
        yield made
        made.close()


@pytest.fixture(params=["dynamodb", "kafka"])
def source(
    request: pytest.FixtureRequest,
    running: services.Services,
    tables: DynamoDBSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Source]:
    """What carries the changes; it is open."""
    made = Source(tables)
    if request.param == "kafka":
        bootstrap, topic = running.endpoint("kafka").address, f"changes-{secrets.token_hex(4)}"
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", bootstrap)
        monkeypatch.setenv("KAFKA_TOPIC", topic)
        made = Topic(tables, bootstrap, topic)
    made.open()
    yield made
    made.close()


@pytest.fixture
def stream(source: Source) -> Callable[[], Any]:
    """Makes a reader, as another process would."""
    return KafkaStream if isinstance(source, Topic) else DynamoDBStream


def put(tables: DynamoDBSandbox, name: str, *versions: int) -> list[Item]:
    """Put an item for each of *versions*, with bytes in it."""
    items = [
        {"aggregate_id": {"S": name}, "version": {"N": str(v)}, "payload": {"B": bytes([v, 0, 255])}}
        for v in versions
    ]
    for item in items:
        tables.client.put_item(TableName=TABLE, Item=item)
    return items


def read_all(reader: Any, position: str | None, count: int) -> tuple[list[Item], str]:
    """What *reader* gives after *position*, until there are *count* items."""
    found: list[Item] = []
    until = time.monotonic() + DEADLINE_S
    while len(found) < count and time.monotonic() < until:
        items, position = reader.read(position, wait_s=0.5)
        found += items
    assert position is not None
    return found, position


def test_items_come_as_they_were_put(
    source: Source, stream: Callable[[], Any], tables: DynamoDBSandbox
) -> None:
    """All items are given, bytes as bytes, those of one stream of events in the order of their puts."""
    expected = put(tables, "order-1", *range(1, 8)) + put(tables, "order-2", 1, 2)
    found, _ = read_all(stream(), None, len(expected))
    for name in ("order-1", "order-2"):
        of_one = [item for item in expected if item["aggregate_id"]["S"] == name]
        assert of_one == [item for item in found if item["aggregate_id"]["S"] == name]


def test_a_position_is_good_in_any_process(
    source: Source, stream: Callable[[], Any], tables: DynamoDBSandbox
) -> None:
    """Another reader goes on from the position that the first one gave."""
    put(tables, "order-1", 1, 2, 3)
    _, position = read_all(stream(), None, 3)
    expected = put(tables, "order-1", 4, 5)
    assert expected == read_all(stream(), position, 2)[0]


def test_after_the_end_comes_what_is_put_later(
    source: Source, stream: Callable[[], Any], tables: DynamoDBSandbox
) -> None:
    """end() is the position after all that there is."""
    put(tables, "order-1", 1, 2, 3)
    source.wait()
    reader = stream()
    end = reader.end()
    assert [] == reader.read(end, wait_s=0.1)[0]
    expected = put(tables, "order-1", 4)
    assert expected == read_all(reader, end, 1)[0]


def test_what_is_deleted_is_not_told_of(
    source: Source, stream: Callable[[], Any], tables: DynamoDBSandbox
) -> None:
    """A deleted item leaves the changes before and after it."""
    first = put(tables, "order-1", 1)
    tables.delete(TABLE, {"aggregate_id": {"S": "order-1"}, "version": {"N": "1"}})
    second = put(tables, "order-1", 2)
    assert first + second == read_all(stream(), None, 2)[0]


def test_a_new_stream_has_nothing_of_the_one_before(
    source: Source, stream: Callable[[], Any], tables: DynamoDBSandbox
) -> None:
    """A reader that begins at its start finds what came since, and no more."""
    put(tables, "order-1", *range(1, 4))
    source.wait()
    source.cut_off()
    expected = put(tables, "order-1", 4, 5)
    found, position = read_all(stream(), None, 2)
    assert expected == found
    assert [] == stream().read(position, wait_s=0.1)[0]


def test_a_position_that_the_stream_has_lost(
    source: Source, stream: Callable[[], Any], tables: DynamoDBSandbox
) -> None:
    """read raises PositionLost; the same reader goes on from the end that there is now."""
    put(tables, "order-1", *range(1, 4))
    put(tables, "order-2", *range(1, 4))
    _, position = read_all(stream(), None, 6)
    put(tables, "order-1", 4)
    put(tables, "order-2", 4)
    put(tables, "order-3", 1)
    source.cut_off()
    reader = stream()
    with pytest.raises(PositionLost, match=r"stream|offset"):
        reader.read(position, wait_s=DEADLINE_S)
    end = reader.end()
    expected = put(tables, "order-1", 5)
    assert expected == read_all(reader, end, 1)[0]
