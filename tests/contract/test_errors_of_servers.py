"""Raw errors of the real DynamoDB and Redis, and the sentence that a student gets for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import redis

from pytest_labkit.host import settings
from pytest_labkit.runs.diagnosis import diagnose
from pytest_labkit.services import Services


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any, redis.Redis]]:
    """A client and a resource of DynamoDB, with a table of its own, and a client of Redis."""
    with Services(settings.resolve(tmp_path_factory.mktemp("diagnosis"))) as services:
        found = services.start(["dynamodb", "redis"])
        where = {
            "endpoint_url": found["dynamodb"].env["AWS_ENDPOINT_URL_DYNAMODB"],
            "region_name": "us-east-1",
            "aws_access_key_id": "diagnosis",
            "aws_secret_access_key": "x",
        }
        client = boto3.client("dynamodb", **where)
        client.create_table(
            TableName="diagnosis",
            KeySchema=[
                {"AttributeName": "id", "KeyType": "HASH"},
                {"AttributeName": "version", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "version", "AttributeType": "N"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield (
            client,
            boto3.resource("dynamodb", **where),
            redis.Redis.from_url(found["redis"].env["REDIS_URL"]),
        )


ITEM = {"id": {"S": "1"}, "version": {"N": "1"}}
FREE = "attribute_not_exists(version)"


def put(client: Any, **changed: Any) -> None:
    client.put_item(**{"TableName": "diagnosis", "Item": ITEM, **changed})


def transact(client: Any, *items: dict[str, Any]) -> None:
    client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "diagnosis", "Item": item, "ConditionExpression": FREE}} for item in items
        ]
    )


def numbered(count: int) -> list[dict[str, Any]]:
    return [{"id": {"S": "many"}, "version": {"N": str(number)}} for number in range(count)]


DYNAMODB: dict[str, tuple[Callable[[Any], object], str]] = {
    "no table": (lambda c: put(c, TableName="other"), "the table is not there under that name"),
    "condition": (lambda c: [put(c), put(c, ConditionExpression=FREE)], "which is how DynamoDB says"),
    "transaction": (lambda c: [put(c), transact(c, ITEM)], "its CancellationReasons say"),
    "101 actions": (lambda c: transact(c, *numbered(101)), "a transaction takes 100 actions at most"),
    "empty key": (lambda c: put(c, Item=ITEM | {"id": {"S": ""}}), "a key must not be an empty text"),
    "key of another type": (
        lambda c: put(c, Item=ITEM | {"version": {"S": "1"}}),
        "a key is of another type in the table: {'N': '1'} is a number",
    ),
    "missing key": (lambda c: put(c, Item={"id": {"S": "1"}}), "an item has all keys of the table"),
    "reserved word": (
        lambda c: c.get_item(TableName="diagnosis", Key=ITEM, ProjectionExpression="count"),
        "count is one of DynamoDB's reserved words: write #count",
    ),
    "too large": (lambda c: put(c, Item=ITEM | {"x": {"S": "x" * 410_000}}), "an item takes 400 KB at most"),
}


@pytest.mark.parametrize(("call", "meaning"), DYNAMODB.values(), ids=DYNAMODB.keys())
def test_errors_of_dynamodb_are_told(
    call: Callable[[Any], object], meaning: str, clients: tuple[Any, Any, redis.Redis]
) -> None:
    """What the server says is recognised."""
    with pytest.raises(Exception, match="An error occurred") as raised:
        call(clients[0])
    assert meaning in (diagnose(raised.value) or repr(raised.value))


def test_float_in_a_resource_is_told(clients: tuple[Any, Any, redis.Redis]) -> None:
    """boto3's resource refuses a float before anything is sent."""
    with pytest.raises(TypeError, match="Float types are not supported") as raised:
        clients[1].Table("diagnosis").put_item(Item={"id": "1", "version": 1, "amount": 99.99})
    assert "use Decimal(str(value))" in (diagnose(raised.value) or "")


def test_wrong_type_in_redis_is_told(clients: tuple[Any, Any, redis.Redis]) -> None:
    """A command for a list on a key that holds a text."""
    clients[2].set("labkit-diagnosis", "text")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE") as raised:
        clients[2].lpush("labkit-diagnosis", "x")
    assert "that key holds another kind of value" in (diagnose(raised.value) or "")
