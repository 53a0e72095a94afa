"""What the labs rely on in a DynamoDB, on every engine: as a process, and in Docker's image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pytest_labkit.host import settings
from pytest_labkit.services import Services
from pytest_labkit.services.aws import new_session
from pytest_labkit.session.dynamodb import DynamoDBSandbox

TABLE = "event-store"
FREE = "attribute_not_exists(id)"
KB = 1024


@pytest.fixture(scope="module", params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A process of this machine; a container of `LABKIT_DYNAMODB_IMAGE`, or of the usual image."""
    if request.param == "docker":
        request.getfixturevalue("docker_usable")
    chosen = settings.resolve(tmp_path_factory.mktemp("checkout"), options={"backend": request.param})
    with Services(chosen) as made:
        yield made


@pytest.fixture
def tables(running: Services) -> Iterator[DynamoDBSandbox]:
    """What the fixture `dynamodb` gives, with an empty table."""
    with running.own("dynamodb") as endpoint:
        made = DynamoDBSandbox(endpoint, {})
        made.create_table(TABLE, partition_key=("id", "S"), sort_key=("version", "N"))
        yield made
        made.close()


def item(version: int, **more: Any) -> dict[str, Any]:
    """An item of the one partition."""
    return {"id": {"S": "a"}, "version": {"N": str(version)}, **more}


def put(version: int, **more: Any) -> dict[str, Any]:
    """A put that may not overwrite."""
    return {"TableName": TABLE, "Item": item(version, **more), "ConditionExpression": FREE}


def refused(call: Callable[[], object]) -> dict[str, Any]:
    """The error that *call* is answered with."""
    with pytest.raises(ClientError, match="An error occurred") as caught:
        call()
    return dict(caught.value.response)


def test_a_condition_is_checked(tables: DynamoDBSandbox) -> None:
    """A put that may not overwrite does not."""
    tables.client.put_item(**put(1, text={"S": "first"}))
    answer = refused(lambda: tables.client.put_item(**put(1, text={"S": "second"})))
    assert "ConditionalCheckFailedException" == answer["Error"]["Code"]
    assert [item(1, text={"S": "first"})] == tables.items(TABLE)


def test_a_transaction_is_all_or_nothing(tables: DynamoDBSandbox) -> None:
    """One condition that fails cancels it, and the reasons stand in the order of the actions."""
    tables.client.put_item(**put(2))
    actions = [{"Put": put(version)} for version in (1, 2, 3)]
    answer = refused(lambda: tables.client.transact_write_items(TransactItems=actions))
    assert "TransactionCanceledException" == answer["Error"]["Code"]
    assert ["None", "ConditionalCheckFailed", "None"] == [r["Code"] for r in answer["CancellationReasons"]]
    assert [item(2)] == tables.items(TABLE)


def test_a_transaction_takes_100_actions(tables: DynamoDBSandbox) -> None:
    """And no more."""
    actions = [{"Put": put(version)} for version in range(1, 102)]
    answer = refused(lambda: tables.client.transact_write_items(TransactItems=actions))
    assert "ValidationException" == answer["Error"]["Code"]
    tables.client.transact_write_items(TransactItems=actions[:100])
    assert 100 == len(tables.items(TABLE))


def test_a_batch_takes_25_items(tables: DynamoDBSandbox) -> None:
    """And no more; what it leaves over it names."""
    wanted = [{"PutRequest": {"Item": item(version)}} for version in range(1, 27)]
    answer = refused(lambda: tables.client.batch_write_item(RequestItems={TABLE: wanted}))
    assert "ValidationException" == answer["Error"]["Code"]
    left = tables.client.batch_write_item(RequestItems={TABLE: wanted[:25]})["UnprocessedItems"]
    assert 25 == len(tables.items(TABLE)) + len(left.get(TABLE, ()))


def test_an_item_takes_400_kb(tables: DynamoDBSandbox) -> None:
    """Names of attributes included."""
    tables.client.put_item(**put(1, body={"B": b"x" * (400 * KB - 100)}))
    answer = refused(lambda: tables.client.put_item(**put(2, body={"B": b"x" * 400 * KB})))
    assert "ValidationException" == answer["Error"]["Code"]
    assert 1 == len(tables.items(TABLE))


@pytest.mark.parametrize("forward", [True, False])
def test_a_query_comes_in_pages_of_1_mb(tables: DynamoDBSandbox, forward: bool) -> None:
    """In the order of the sort key, which is a number's and not a text's."""
    for version in range(1, 13):
        tables.client.put_item(**put(version, body={"B": b"x" * 200 * KB}))
    pages = list(
        tables.client.get_paginator("query").paginate(
            TableName=TABLE,
            KeyConditionExpression="id = :id AND version > :first",
            ExpressionAttributeValues={":id": {"S": "a"}, ":first": {"N": "1"}},
            ScanIndexForward=forward,
            ConsistentRead=True,
        )
    )
    found = [int(one["version"]["N"]) for page in pages for one in page["Items"]]
    assert sorted(range(2, 13), reverse=not forward) == found
    assert len(pages) > 1
    assert all(len(page["Items"]) <= 6 for page in pages)


def test_what_is_stored_comes_back_as_it_was(tables: DynamoDBSandbox) -> None:
    """Numbers of 38 digits, bytes, empty texts, sets, lists and maps."""
    values: dict[str, Any] = {
        "number": {"N": "12345678901234567890123456789012345678"},
        "small": {"N": "0.00000000000000000000000000000000000001"},
        "bytes": {"B": bytes(range(256))},
        "empty": {"S": ""},
        "text": {"S": "ü\x00\U0001f600"},
        "true": {"BOOL": True},
        "nothing": {"NULL": True},
        "nested": {"L": [{"M": {"a": {"N": "1.5"}, "b": {"L": []}}}, {"B": b"\x00\xff"}]},
        "set": {"SS": ["a"]},
    }
    tables.client.put_item(**put(1, **values))
    assert [item(1, **values)] == tables.items(TABLE)


def test_of_many_writers_at_once_one_wins(tables: DynamoDBSandbox) -> None:
    """Puts and transactions to the same keys: each key is written once, and nothing of a loser is there."""
    won: list[tuple[int, int]] = []

    def write(writer: int) -> None:
        for version in range(1, 9):
            actions = [{"Put": put(v, by={"N": str(writer)})} for v in (2 * version, 2 * version + 1)]
            with suppress(ClientError):
                tables.client.transact_write_items(TransactItems=actions)
                won.append((version, writer))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    winners = dict(won)
    assert 8 == len(won) == len(winners)
    expected = {v: str(writer) for version, writer in won for v in (2 * version, 2 * version + 1)}
    assert expected == {int(i["version"]["N"]): i["by"]["N"] for i in tables.items(TABLE)}


def test_a_stream_tells_of_each_put_in_order(tables: DynamoDBSandbox) -> None:
    """With the item as it was put; a delete has none. A number of it is a place to go on from."""
    tables.start_stream(TABLE)
    for version in (1, 2, 3):
        tables.client.put_item(**put(version))
    tables.delete(TABLE, item(2))
    tables.client.put_item(**put(4))
    told = _changes(tables)
    assert [item(1), item(2), item(3), None, item(4)] == [image for image, _ in told]
    assert told[2:] == _changes(tables, after=told[1][1])


def test_a_new_stream_begins_empty(running: Services, tables: DynamoDBSandbox) -> None:
    """
    On dynoxide it has what the table's streams before it had, also of a table that was deleted since.

    When this fails there, `streams.py` of lab 3 need not leave such changes aside any more.
    """
    tables.start_stream(TABLE)
    tables.client.put_item(**put(1))
    tables.stop_stream(TABLE)
    tables.start_stream(TABLE)
    tables.client.put_item(**put(2))
    older = [item(1)] if "dynoxide" in running.endpoint("dynamodb").version else []
    assert [*older, item(2)] == [image for image, _ in _changes(tables)][-2:]


def _changes(tables: DynamoDBSandbox, after: str | None = None) -> list[tuple[Any, str]]:
    """Image and sequence number of each change, of the shards one after the other."""
    client = new_session().client(
        "dynamodbstreams",
        endpoint_url=tables.client.meta.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=tables.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=tables.env["AWS_SECRET_ACCESS_KEY"],
        config=Config(parameter_validation=False),
    )
    arn = tables.client.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    found: list[tuple[Any, str]] = []
    for shard in client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        where = {"ShardIteratorType": "TRIM_HORIZON"}
        if after is not None:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
        iterator = client.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], **where)[
            "ShardIterator"
        ]
        records = client.get_records(ShardIterator=iterator)["Records"]
        found += [(r["dynamodb"].get("NewImage"), r["dynamodb"]["SequenceNumber"]) for r in records]
    client.close()
    return found
