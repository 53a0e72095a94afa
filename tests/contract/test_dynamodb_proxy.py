"""The fault proxy before a real DynamoDB: what boto3 and a bare HTTP client get, what the table holds."""

from __future__ import annotations

import gc
import http.client
import json
import socket
import threading
import time
import uuid
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError
from freezegun import freeze_time

from pytest_labkit.domain.errors import KitError
from pytest_labkit.faults.dynamodb.proxy import DynamoDBProxy

TABLE = "event-store"
ONCE = Config(retries={"total_max_attempts": 1})
AGAIN = Config(retries={"mode": "standard", "total_max_attempts": 2})


@pytest.fixture
def access_key() -> str:
    """Any: it is not looked at."""
    return f"proxy{uuid.uuid4().hex[:12]}"


@pytest.fixture
def proxy(dynamodb_url: str) -> Iterator[DynamoDBProxy]:
    with DynamoDBProxy(dynamodb_url) as proxy:
        yield proxy


@pytest.fixture
def connect(access_key: str) -> Iterator[Callable[..., Any]]:
    """Make boto3 clients that are closed at the end."""
    clients = []

    def connect(url: str, config: Config = ONCE) -> Any:
        client = boto3.client("dynamodb", endpoint_url=url, config=config, **_credentials(access_key))
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def table(dynamodb_url: str, connect: Callable[..., Any]) -> Any:
    """The kit's own client, past the proxy, to an empty table."""
    client = connect(dynamodb_url)
    client.create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": "log_id", "KeyType": "HASH"},
            {"AttributeName": "version", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "log_id", "AttributeType": "S"},
            {"AttributeName": "version", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture
def client(proxy: DynamoDBProxy, connect: Callable[..., Any], table: Any) -> Any:
    """A client through the proxy that tries once."""
    return connect(proxy.url)


def _credentials(access_key: str) -> dict[str, str]:
    return {
        "region_name": "us-east-1",
        "aws_access_key_id": access_key,
        "aws_secret_access_key": "secret",
    }


def _item(version: int, **more: Any) -> dict[str, Any]:
    return {"log_id": {"S": "s"}, "version": {"N": str(version)}, **more}


def _put(version: int) -> dict[str, Any]:
    return {
        "TableName": TABLE,
        "Item": _item(version),
        "ConditionExpression": "attribute_not_exists(log_id)",
    }


def _transaction(*versions: int) -> list[dict[str, Any]]:
    return [{"Put": _put(version)} for version in versions]


def _batch(*versions: int) -> dict[str, Any]:
    return {TABLE: [{"PutRequest": {"Item": _item(version)}} for version in versions]}


def _versions(client: Any) -> list[int]:
    """What the table holds."""
    return [int(item["version"]["N"]) for item in client.scan(TableName=TABLE, ConsistentRead=True)["Items"]]


def _query(after: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "TableName": TABLE,
        "KeyConditionExpression": "log_id = :s AND version > :after",
        "ExpressionAttributeValues": {":s": {"S": "s"}, ":after": {"N": str(after)}},
        **more,
    }


def _pages(client: Any, query: dict[str, Any]) -> list[list[int]]:
    """The versions on each page of *query*, all pages turned; a query without end fails."""
    pages = []
    for _ in range(100):
        page = client.query(**query)
        pages.append([int(item["version"]["N"]) for item in page["Items"]])
        if "LastEvaluatedKey" not in page:
            return pages
        query = {**query, "ExclusiveStartKey": page["LastEvaluatedKey"]}
    raise AssertionError("the pages do not end")


def _raw(
    url: str, operation: str, body: dict[str, Any], access_key: str
) -> tuple[int, dict[str, str], bytes]:
    """A call without boto3: status, headers and body of the reply."""
    target = urlsplit(url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=10)
    headers = {
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={access_key}/20260101/us-east-1/dynamodb/aws4_request,"
        " SignedHeaders=host, Signature=0",
    }
    try:
        connection.request("POST", "/", json.dumps(body), headers)
        reply = connection.getresponse()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def _until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until *condition* holds; fail after *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.005)


# --- without a fault ---------------------------------------------------------------------------------


def test_client_and_resource_work_through_the_proxy(
    proxy: DynamoDBProxy, client: Any, table: Any, access_key: str
) -> None:
    """What is written through the proxy is in the table, by boto3's client and by its resource."""
    client.put_item(**_put(1))
    with_resource = boto3.resource("dynamodb", endpoint_url=proxy.url, **_credentials(access_key))
    with_resource.Table(TABLE).put_item(Item={"log_id": "s", "version": 2, "text": "größer 🙂"})
    with_resource.meta.client.close()

    assert _versions(table) == [1, 2]
    assert client.get_item(TableName=TABLE, Key=_item(2))["Item"]["text"]["S"] == "größer 🙂"


def test_requests_are_recorded_in_order(proxy: DynamoDBProxy, client: Any) -> None:
    """Each request is there with operation, body, status and time, refused ones too."""
    client.put_item(**_put(1))
    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        client.put_item(**_put(1))
    client.query(**_query())

    assert [(request.operation, request.status) for request in proxy.requests] == [
        ("PutItem", 200),
        ("PutItem", 400),
        ("Query", 200),
    ]
    assert _put(1) == proxy.requests[0].body
    assert [request.fault for request in proxy.requests] == [None] * 3
    assert sorted(request.at for request in proxy.requests) == [request.at for request in proxy.requests]


def test_items_that_were_returned_are_counted(proxy: DynamoDBProxy, client: Any) -> None:
    """Each request says how many items came back for it, by whichever read; counting them is reading too."""
    client.batch_write_item(RequestItems=_batch(1, 2, 3))
    keys = [{name: _item(n)[name] for name in ("log_id", "version")} for n in (1, 2, 9)]
    gets = [{"Get": {"TableName": TABLE, "Key": key}} for key in keys]
    client.query(**_query(1))
    client.query(**_query(Select="COUNT"))
    client.query(**_query(7))
    client.scan(TableName=TABLE)
    client.get_item(TableName=TABLE, Key=keys[0])
    client.get_item(TableName=TABLE, Key=keys[2])
    client.batch_get_item(RequestItems={TABLE: {"Keys": keys}})
    client.transact_get_items(TransactItems=gets)
    client.execute_statement(Statement=f'SELECT * FROM "{TABLE}"')
    with pytest.raises(ClientError, match="ValidationException"):
        client.query(TableName=TABLE)
    assert [0, 2, 3, 0, 3, 1, 0, 2, 2, 3, 0] == [request.returned for request in proxy.requests]


def test_a_reply_is_passed_on_as_it_came(
    proxy: DynamoDBProxy, client: Any, dynamodb_url: str, access_key: str
) -> None:
    """Status, headers and body are those of the server; only its date and the request's id differ.

    One attribute is asked for: an item's attributes have no order, and dynoxide writes them in any.
    """
    client.put_item(**_put(1))
    query = _query(ProjectionExpression="version")
    straight, passed = (_raw(url, "Query", query, access_key) for url in (dynamodb_url, proxy.url))

    def without_moment(headers: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in headers.items() if name not in ("date", "x-amzn-requestid")}

    assert straight[0] == passed[0]
    assert straight[2] == passed[2]
    assert without_moment(straight[1]) == without_moment(passed[1])
    assert str(zlib.crc32(passed[2])) == passed[1]["x-amz-crc32"]


def test_a_connection_is_kept_alive(proxy: DynamoDBProxy, table: Any, access_key: str) -> None:
    """Many requests of a client go over one connection, also after a refused one."""
    target = urlsplit(proxy.url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=10)
    connection.connect()
    local = connection.sock.getsockname()
    for _ in range(3):
        connection.request("POST", "/", b"{}", {"X-Amz-Target": "DynamoDB_20120810.ListTables"})
        connection.getresponse().read()
        assert connection.sock is not None
        assert local == connection.sock.getsockname()
    connection.close()


def test_a_large_item_passes(client: Any, table: Any) -> None:
    """A body of 300 KB goes through both ways."""
    text = "x" * 300_000
    client.put_item(TableName=TABLE, Item=_item(1, text={"S": text}))
    assert text == client.get_item(TableName=TABLE, Key=_item(1))["Item"]["text"]["S"]


def test_many_threads_at_once(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """Eight threads write through the proxy side by side; nothing is lost or mixed up."""
    threads = [
        threading.Thread(target=lambda n=n: [client.put_item(**_put(n * 100 + i)) for i in range(10)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(n * 100 + i for n in range(8) for i in range(10)) == sorted(_versions(table))
    assert len(proxy.requests) == 80


# --- lose_reply --------------------------------------------------------------------------------------


def test_lost_reply_of_an_applied_write(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """The write is in the table, the client sees its connection closed, the record says why."""
    with proxy.lose_reply() as lost, pytest.raises(ConnectionClosedError, match="Connection was closed"):
        client.put_item(**_put(1))

    assert _versions(table) == [1]
    assert lost.fired == 1
    assert [(r.operation, r.status, r.fault) for r in proxy.requests] == [("PutItem", None, "lose_reply")]


def test_a_lost_reply_is_a_reset(proxy: DynamoDBProxy, table: Any, access_key: str) -> None:
    """On the wire: the connection is reset, it does not merely end."""
    with proxy.lose_reply(), pytest.raises(ConnectionResetError, match="reset by peer"):
        _raw(proxy.url, "PutItem", _put(1), access_key)
    assert _versions(table) == [1]


def test_botocore_tries_a_lost_write_again_and_meets_itself(
    proxy: DynamoDBProxy, connect: Callable[..., Any], table: Any
) -> None:
    """The trap: a conditional write that succeeded is reported as refused, by botocore's own second try."""
    with (
        proxy.lose_reply("PutItem") as lost,
        pytest.raises(ClientError, match="ConditionalCheckFailedException"),
    ):
        connect(proxy.url, AGAIN).put_item(**_put(1))

    assert _versions(table) == [1]
    assert lost.fired == 1
    assert [(r.status, r.fault) for r in proxy.requests] == [(None, "lose_reply"), (400, None)]


def test_botocore_tries_a_lost_transaction_again_and_meets_itself(
    proxy: DynamoDBProxy, connect: Callable[..., Any], table: Any
) -> None:
    """
    A transaction is tried again too, and is stored once.

    What its caller then gets is DynamoDB Local's own affair: it answers a repeated token at random.
    """
    with proxy.lose_reply("TransactWriteItems"):
        _ignored(connect(proxy.url, AGAIN).transact_write_items, TransactItems=_transaction(1, 2))

    assert sorted(_versions(table)) == [1, 2]
    assert [r.fault for r in proxy.requests] == ["lose_reply", None]


def test_a_refused_write_keeps_its_reply(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """The fault waits for a write that the server applies; the refused one before it is answered."""
    table.put_item(**_put(1))
    with proxy.lose_reply() as lost:
        with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
            client.put_item(**_put(1))
        assert lost.fired == 0
        with pytest.raises(ConnectionClosedError, match="Connection was closed"):
            client.put_item(**_put(2))

    assert _versions(table) == [1, 2]
    assert [proxy.requests[1]] == lost.requests


# --- throttle and fail -------------------------------------------------------------------------------


def test_throttled_write_is_not_applied(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """The client gets DynamoDB's own error, and the table stays empty."""
    with (
        proxy.throttle("PutItem"),
        pytest.raises(client.exceptions.ProvisionedThroughputExceededException, match="throughput") as caught,
    ):
        client.put_item(**_put(1))

    assert _versions(table) == []
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert [(r.fault, r.status) for r in proxy.requests] == [("throttle", 400)]


def test_throttled_transaction_is_cancelled_for_its_last_member(
    proxy: DynamoDBProxy, client: Any, table: Any
) -> None:
    """The reasons stand in the order of the request: None, None, ThrottlingError."""
    with (
        proxy.throttle(),
        pytest.raises(client.exceptions.TransactionCanceledException, match="ThrottlingError") as caught,
    ):
        client.transact_write_items(TransactItems=_transaction(1, 2, 3))

    assert [reason["Code"] for reason in caught.value.response["CancellationReasons"]] == [
        "None",
        "None",
        "ThrottlingError",
    ]
    assert _versions(table) == []


def test_a_made_up_cancellation_has_the_shape_of_a_real_one(
    proxy: DynamoDBProxy, client: Any, table: Any, access_key: str
) -> None:
    """The same keys at every level, the same type and prefix of the message, as the server's own."""
    table.put_item(**_put(2))
    body = {"TransactItems": _transaction(1, 2)}
    real = json.loads(_raw(proxy.url, "TransactWriteItems", body, access_key)[2])
    with proxy.throttle():
        made_up = json.loads(_raw(proxy.url, "TransactWriteItems", body, access_key)[2])

    assert real.keys() == made_up.keys()
    assert real["__type"] == made_up["__type"]
    assert real["Message"].partition("[")[0] == made_up["Message"].partition("[")[0]
    assert [r.keys() for r in real["CancellationReasons"]] == [
        r.keys() for r in made_up["CancellationReasons"]
    ]


def test_server_error_is_not_applied(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """The client gets a 500, and the table stays empty."""
    with proxy.fail(), pytest.raises(client.exceptions.InternalServerError, match="Internal server error"):
        client.put_item(**_put(1))

    assert _versions(table) == []
    assert [(r.fault, r.status) for r in proxy.requests] == [("fail", 500)]


def test_botocore_survives_one_server_error(
    proxy: DynamoDBProxy, connect: Callable[..., Any], table: Any
) -> None:
    """A fault of once is hidden by botocore's second try; the record shows both."""
    with proxy.fail():
        connect(proxy.url, AGAIN).put_item(**_put(1))

    assert _versions(table) == [1]
    assert [(r.fault, r.status) for r in proxy.requests] == [("fail", 500), (None, 200)]


def test_without_a_limit_every_request_fails(
    proxy: DynamoDBProxy, connect: Callable[..., Any], table: Any
) -> None:
    """`times=None` outlasts botocore's own tries."""
    client = connect(proxy.url, AGAIN)
    with (
        proxy.fail(times=None) as failing,
        pytest.raises(client.exceptions.InternalServerError, match="reached max retries: 1"),
    ):
        client.put_item(**_put(1))

    assert failing.fired == 2


# --- which requests, and how long ----------------------------------------------------------------------


def test_fault_meets_only_the_operations_and_bodies_it_is_for(
    proxy: DynamoDBProxy, client: Any, table: Any
) -> None:
    """Another operation, and a body that the predicate refuses, pass and use nothing up."""
    with proxy.fail("PutItem", when=lambda body: body["Item"]["version"]["N"] == "3") as failing:
        client.query(**_query())
        client.put_item(**_put(1))
        with pytest.raises(ClientError, match="InternalServerError"):
            client.put_item(**_put(3))
        client.put_item(**_put(3))

    assert _versions(table) == [1, 3]
    assert [proxy.requests[2]] == failing.requests


def test_fault_undoes_itself_when_the_test_raises(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """After its block, however that ended, requests pass."""
    with pytest.raises(RuntimeError, match="boom"), proxy.fail(times=None):
        raise RuntimeError("boom")

    client.put_item(**_put(1))
    assert _versions(table) == [1]


def test_a_fault_for_an_unknown_operation_is_refused(proxy: DynamoDBProxy) -> None:
    """A misspelt name would be a fault that never fires."""
    with pytest.raises(ValueError, match="PutItems: faults are for BatchExecuteStatement, BatchGetItem"):
        proxy.fail("PutItems")


def test_two_faults_on_one_request(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """A delayed write whose reply is lost bears both names."""
    with (
        proxy.delay(0.05, "PutItem"),
        proxy.lose_reply(),
        pytest.raises(ConnectionClosedError, match="Connection was closed"),
    ):
        client.put_item(**_put(1))

    assert _versions(table) == [1]
    assert proxy.requests[0].fault == "delay+lose_reply"


def test_once_means_once_among_many_threads(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """Of eight writes at the same moment exactly two fail."""
    outcomes: list[bool] = []
    together = threading.Barrier(8)

    def write(version: int) -> None:
        together.wait(10)
        try:
            client.put_item(**_put(version))
            outcomes.append(True)
        except ClientError:
            outcomes.append(False)

    with proxy.fail(times=2) as failing:
        threads = [threading.Thread(target=write, args=(version,)) for version in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    assert sorted(outcomes) == [False, False, True, True, True, True, True, True]
    assert failing.fired == 2
    assert len(_versions(table)) == 6


# --- delay -------------------------------------------------------------------------------------------


def test_delayed_request_arrives_later(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """The call takes at least the delay."""
    began = time.monotonic()
    with proxy.delay(0.2, "PutItem") as late:
        client.put_item(**_put(1))

    assert time.monotonic() - began >= 0.2
    assert late.fired == 1
    assert _versions(table) == [1]


def test_end_of_a_delay_lets_its_requests_go(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """A request held up for an hour goes on when the block ends."""
    with proxy.delay(3600):
        thread = threading.Thread(target=lambda: client.put_item(**_put(1)))
        thread.start()
        _until(lambda: len(proxy.requests) == 1)
        assert _versions(table) == []
    thread.join(10)

    assert not thread.is_alive()
    assert _versions(table) == [1]


# --- leave_unprocessed -------------------------------------------------------------------------------


def test_half_of_a_batch_of_writes_comes_back(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """The first half is written; the other half is returned in the form in which it can be sent again."""
    with proxy.leave_unprocessed() as part:
        unprocessed = client.batch_write_item(RequestItems=_batch(1, 2, 3, 4))["UnprocessedItems"]

    assert _versions(table) == [1, 2]
    assert _batch(3, 4) == unprocessed
    assert part.fired == 1
    assert client.batch_write_item(RequestItems=unprocessed)["UnprocessedItems"] == {}
    assert _versions(table) == [1, 2, 3, 4]


def test_keys_of_a_batch_to_get_come_back(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """What else was asked of the table, such as a consistent read, comes back with the keys."""
    table.batch_write_item(RequestItems=_batch(1, 2, 3))
    keys = [_item(version) for version in (1, 2, 3)]
    with proxy.leave_unprocessed(keep=1):
        reply = client.batch_get_item(RequestItems={TABLE: {"Keys": keys, "ConsistentRead": True}})

    assert [_item(1)] == reply["Responses"][TABLE]
    assert {TABLE: {"Keys": keys[1:], "ConsistentRead": True}} == reply["UnprocessedKeys"]


def test_the_resources_batch_writer_sends_the_rest_again(
    proxy: DynamoDBProxy, table: Any, access_key: str
) -> None:
    """boto3's own batch_writer knows of unprocessed items, and so all of them arrive."""
    resource = boto3.resource("dynamodb", endpoint_url=proxy.url, **_credentials(access_key))
    with proxy.leave_unprocessed(times=2) as part, resource.Table(TABLE).batch_writer() as batch:
        for version in range(1, 11):
            batch.put_item(Item={"log_id": "s", "version": version})
    resource.meta.client.close()

    assert list(range(1, 11)) == _versions(table)
    assert part.fired == 2


def test_a_batch_of_one_is_processed(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """There is no part of one item: the fault does not fire."""
    with proxy.leave_unprocessed() as part:
        assert client.batch_write_item(RequestItems=_batch(1))["UnprocessedItems"] == {}
    assert part.fired == 0


def test_keep_none_of_a_batch_is_refused(proxy: DynamoDBProxy) -> None:
    """DynamoDB never returns a whole batch as unprocessed."""
    with pytest.raises(ValueError, match="keep=0: DynamoDB processes at least one item"):
        proxy.leave_unprocessed(keep=0)


# --- split_pages -------------------------------------------------------------------------------------


def test_small_pages(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """Every page has at most two items; the pages together have them all."""
    table.batch_write_item(RequestItems=_batch(1, 2, 3, 4, 5))
    with proxy.split_pages(2) as split:
        assert _pages(client, _query()) == [[1, 2], [3, 4], [5]]
        assert [int(item["version"]["N"]) for item in client.scan(TableName=TABLE)["Items"]] == [1, 2]
    assert split.fired == 4


def test_a_lower_limit_stands(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """A query that asks for one item gets one."""
    table.batch_write_item(RequestItems=_batch(1, 2, 3))
    with proxy.split_pages(2) as split:
        assert [int(i["version"]["N"]) for i in client.query(**_newest())["Items"]] == [3]
    assert split.fired == 0


@pytest.mark.parametrize("after", [0, 2], ids=["from the start", "after a version"])
def test_an_empty_first_page(proxy: DynamoDBProxy, client: Any, table: Any, after: int) -> None:
    """The first page has no item but a key to go on from; the rest is all there."""
    table.batch_write_item(RequestItems=_batch(1, 2, 3, 4, 5))
    with proxy.split_pages(0) as split:
        assert [[], list(range(after + 1, 6))] == _pages(client, _query(after))
    assert split.fired == 1


def test_the_key_of_an_empty_page_skips_nothing(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """A reader that goes on by comparing with that key, and does not send it, finds every item."""
    table.batch_write_item(RequestItems=_batch(3, 4, 5))
    with proxy.split_pages(0):
        key = client.query(**_query())["LastEvaluatedKey"]
    assert key == {"log_id": {"S": "s"}, "version": {"N": "2"}}
    assert _pages(client, _query(after=int(key["version"]["N"]))) == [[3, 4, 5]]


def test_an_empty_page_backwards(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """The same from the newest to the oldest: the key is then one above the newest."""
    table.batch_write_item(RequestItems=_batch(1, 2, 3))
    with proxy.split_pages(0):
        page = client.query(**_query(ScanIndexForward=False))
        assert page["LastEvaluatedKey"]["version"] == {"N": "4"}
        assert _pages(client, _query(ScanIndexForward=False)) == [[], [3, 2, 1]]


def test_an_empty_page_begun_inside_and_finished_outside(
    proxy: DynamoDBProxy, client: Any, table: Any
) -> None:
    """The key can be gone on from when the fault is over."""
    table.batch_write_item(RequestItems=_batch(1, 2, 3))
    with proxy.split_pages(0):
        key = client.query(**_query())["LastEvaluatedKey"]
    assert _pages(client, _query(ExclusiveStartKey=key)) == [[1, 2, 3]]


@pytest.mark.parametrize("order", [(0, 2), (2, 0)], ids=["empty first", "small first"])
def test_empty_and_small_pages_together(
    proxy: DynamoDBProxy, client: Any, table: Any, order: tuple[int, int]
) -> None:
    """An empty page and then small ones, whichever fault was begun first."""
    table.batch_write_item(RequestItems=_batch(1, 2, 3))
    with proxy.split_pages(order[0]), proxy.split_pages(order[1]):
        assert _pages(client, _query()) == [[], [1, 2], [3]]


def test_no_empty_page_for_who_asks_for_the_newest(proxy: DynamoDBProxy, client: Any, table: Any) -> None:
    """Reading the newest item with Limit=1 is right without turning pages."""
    table.batch_write_item(RequestItems=_batch(1, 2, 3))
    with proxy.split_pages(0) as split:
        assert [int(i["version"]["N"]) for i in client.query(**_newest())["Items"]] == [3]
    assert split.fired == 0


def test_an_empty_stream_has_one_page(proxy: DynamoDBProxy, client: Any) -> None:
    """Where there is nothing, there is no key to go on from."""
    with proxy.split_pages(0) as split:
        assert _pages(client, _query()) == [[]]
    assert split.fired == 0


def test_the_resource_turns_empty_pages(
    proxy: DynamoDBProxy, client: Any, table: Any, access_key: str
) -> None:
    """The made-up key survives boto3's way through Decimal."""
    table.batch_write_item(RequestItems=_batch(1, 2, 3))
    resource = boto3.resource("dynamodb", endpoint_url=proxy.url, **_credentials(access_key))
    query = {
        "KeyConditionExpression": "log_id = :s AND version > :after",
        "ExpressionAttributeValues": {":s": "s", ":after": 0},
    }
    with proxy.split_pages(0):
        first = resource.Table(TABLE).query(**query)
        second = resource.Table(TABLE).query(**query, ExclusiveStartKey=first["LastEvaluatedKey"])
    resource.meta.client.close()

    assert first["Items"] == []
    assert [int(item["version"]) for item in second["Items"]] == [1, 2, 3]


def _newest() -> dict[str, Any]:
    return _query(ScanIndexForward=False, Limit=1)


# --- the connection to the server --------------------------------------------------------------------


class Server:
    """A server of HTTP that answers `{}` to so many requests of a connection, and hangs up at the next."""

    def __init__(self, answers: int) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                with connection:
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        for number in range(self._answers + 1):
            request = b""
            while b"\r\n\r\n{" not in request and (data := connection.recv(65536)):
                request += data
            if not request:
                return
            self.requests.append(request)
            if number < self._answers:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Of: server\r\nContent-Length: 2\r\n\r\n{}")


def _post(url: str, **headers: str) -> tuple[int, list[tuple[str, str]]]:
    target = urlsplit(url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=10)
    try:
        connection.request("POST", "/", b'{"a":1}', headers)
        reply = connection.getresponse()
        assert b"{}" == reply.read()
        return reply.status, reply.getheaders()
    finally:
        connection.close()


def test_a_server_that_hangs_up_breaks_the_connection() -> None:
    """The request has been sent once, and is not sent again: a write could be applied twice."""
    with Server(answers=1) as server, DynamoDBProxy(server.url) as proxy:
        assert 200 == _post(proxy.url)[0]
        with pytest.raises(ConnectionResetError, match="reset by peer"):
            _post(proxy.url)
        assert (2, 1) == (len(server.requests), server.connections)
        assert 200 == _post(proxy.url)[0]
        assert [200, None, 200] == [request.status for request in proxy.requests]


def test_nothing_is_added_on_either_way() -> None:
    """Neither a header of the proxy's own to the reply, nor to the request, which is not unpacked."""
    with Server(answers=1) as server, DynamoDBProxy(server.url) as proxy:
        status, headers = _post(proxy.url, **{"X-Of": "client", "Content-Encoding": "gzip"})
        assert (200, [("X-Of", "server"), ("Content-Length", "2")]) == (status, headers)
        sent = server.requests[0].decode().lower().split("\r\n")
    names = sorted(line.partition(":")[0] for line in sent[1:-2])
    assert ["content-encoding", "content-length", "host", "x-of"] == names
    assert f"host: {proxy.url.removeprefix('http://')}" in sent


def test_a_stopped_clock_stops_no_fault() -> None:
    """A test may freeze the time of its process, before the proxy or while it is there."""
    with Server(answers=9) as server, freeze_time("2026-01-01"), DynamoDBProxy(server.url) as proxy:
        began = time.clock_gettime(time.CLOCK_MONOTONIC)
        with proxy.delay(0.2, "PutItem"), freeze_time("2026-01-02"):
            assert 200 == _post(proxy.url, **{"X-Amz-Target": "DynamoDB_20120810.PutItem"})[0]
        assert ["delay"] == [request.fault for request in proxy.requests]
        assert 0.2 <= time.clock_gettime(time.CLOCK_MONOTONIC) - began


# --- beginning and end -------------------------------------------------------------------------------


def test_it_listens_on_loopback_only(proxy: DynamoDBProxy) -> None:
    """The proxy's address is 127.0.0.1, and it is bound to no other."""
    target = urlsplit(proxy.url)
    assert target.hostname == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError, match="refused"):
        socket.create_connection(("127.0.0.2", target.port or 0), 1)


def test_nothing_is_left_behind(dynamodb_url: str, connect: Callable[..., Any], table: Any) -> None:
    """After the block there is no thread and no open socket, whether idle or held up, and nobody answers."""
    before = set(threading.enumerate())
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        with DynamoDBProxy(dynamodb_url) as proxy:
            client = connect(proxy.url)
            client.put_item(**_put(1))  # its connection stays open, idle
            target = urlsplit(proxy.url)
            silent = socket.create_connection((target.hostname or "", target.port or 0))
            waiting = threading.Thread(target=lambda: _ignored(client.put_item, **_put(2)))
            proxy.delay(3600).__enter__()
            waiting.start()
            _until(lambda: len(proxy.requests) == 2)
        waiting.join(10)
        silent.close()
        gc.collect()

    assert before == set(threading.enumerate())
    with pytest.raises(ConnectionRefusedError, match="refused"):
        socket.create_connection((target.hostname or "", target.port or 0), 1)


def test_a_dead_server_breaks_the_connection(connect: Callable[..., Any]) -> None:
    """With nothing behind the proxy, the client sees what it would see without it: a broken connection."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    with (
        DynamoDBProxy(url) as proxy,
        pytest.raises(ConnectionClosedError, match="Connection was closed"),
    ):
        connect(proxy.url).list_tables()
    assert [(r.operation, r.status, r.fault) for r in proxy.requests] == [("ListTables", None, None)]


def test_a_predicate_that_raises_is_heard_of(
    dynamodb_url: str, connect: Callable[..., Any], table: Any
) -> None:
    """A mistake in a test's own predicate is raised at the end of the proxy, not swallowed in its thread."""
    with (
        pytest.raises(KeyError, match="no such key"),
        DynamoDBProxy(dynamodb_url) as proxy,
        proxy.fail(when=lambda body: body["no such key"]),
    ):
        _ignored(connect(proxy.url).put_item, **_put(1))


def test_it_refuses_to_stand_in_front_of_https() -> None:
    """The real DynamoDB is out of reach, and that costs no student a point."""
    with pytest.raises(KitError, match=r"plain HTTP and cannot stand in front of https://dynamodb\.example"):
        DynamoDBProxy("https://dynamodb.example")


def test_a_request_in_chunks_is_refused(proxy: DynamoDBProxy) -> None:
    """It is answered, with what to do about it."""
    target = urlsplit(proxy.url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=10)
    connection.request("POST", "/", iter([b"{}"]), encode_chunked=True)
    reply = connection.getresponse()
    assert (
        reply.status,
        reply.reason,
    ) == (411, "The fault proxy takes no chunked requests: send Content-Length")
    reply.read()
    connection.close()


def _ignored(call: Callable[..., Any], **arguments: Any) -> None:
    """Make a call whose end does not matter."""
    with suppress(BotoCoreError, ClientError):
        call(**arguments)
