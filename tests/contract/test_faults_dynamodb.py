"""DynamoDB at fault: nothing of it is lost; the HTTP proxy's faults end as those of links do."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionError as Broken
from botocore.exceptions import HTTPClientError, ReadTimeoutError
from fault_contract import *  # noqa: F403 - the contract's tests

from pytest_labkit import services
from pytest_labkit.faults.dynamodb.proxy import DynamoDBProxy
from pytest_labkit.faults.faults import Faults
from pytest_labkit.faults.process import ProxyProcess
from pytest_labkit.faults.servers import Server
from pytest_labkit.host import settings
from pytest_labkit.services.aws import new_session
from pytest_labkit.session.dynamodb import DynamoDBSandbox

CANNOT = r"Could not connect|Connection was closed|Connection reset"
KEY = {"id": {"S": "a"}}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.Services]:
    """A real DynamoDB, a process of this machine."""
    chosen = settings.resolve(tmp_path_factory.mktemp("checkout"), options={"backend": "local"})
    with services.Services(chosen) as made:
        made.start(["dynamodb"])
        yield made


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Environ:
    """The environment, in which boto3 looks."""
    return Environ(monkeypatch)


class Environ(UserDict[str, str]):
    """What is set here is set in the environment of the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self._monkeypatch = monkeypatch

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name, value)
        self._monkeypatch.setenv(name, value)


@pytest.fixture
def tables(running: services.Services, environ: Environ) -> Iterator[DynamoDBSandbox]:
    """What the fixture `dynamodb` gives, with a table."""
    with running.own("dynamodb") as endpoint:
        made = DynamoDBSandbox(endpoint, environ)
        made.create_table("event-store", partition_key=("id", "S"))
        yield made
        made.close()


@pytest.fixture
def faults(running: services.Services, tables: DynamoDBSandbox, environ: Environ) -> Iterator[Faults]:
    """The faults of one test."""
    relay = ProxyProcess()
    made = Faults(running, ["dynamodb"], environ, relay, seed=407)
    yield made
    made.close()
    relay.close()


def client() -> Any:
    """boto3 as a student's code makes it, which tries nothing twice and waits two seconds."""
    return new_session().client(
        "dynamodb",
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=2),
    )


class Item:
    """An item of DynamoDB, which has a number."""

    broken, broken_by = (Broken, HTTPClientError), CANNOT
    late, late_by = ReadTimeoutError, "timeout"
    kept = True

    def __init__(self, tables: DynamoDBSandbox) -> None:
        self._client = client()
        self._past = tables.client

    def put(self, value: int) -> None:
        """Through the link."""
        self._client.put_item(TableName="event-store", Item={**KEY, "number": {"N": str(value)}})

    def get(self) -> int | None:
        """Through the link."""
        return _number(self._client)

    def put_past(self, value: int) -> None:
        """Past it."""
        self._past.put_item(TableName="event-store", Item={**KEY, "number": {"N": str(value)}})

    def get_past(self) -> int | None:
        """Past it."""
        return _number(self._past)


def _number(of: Any) -> int | None:
    if "event-store" not in of.list_tables()["TableNames"]:
        return None
    found = of.get_item(TableName="event-store", Key=KEY, ConsistentRead=True)
    return int(found["Item"]["number"]["N"]) if "Item" in found else None


@pytest.fixture
def store(faults: Faults, tables: DynamoDBSandbox) -> Item:
    """For the contract; made when the environment leads through the link."""
    assert faults.dynamodb
    return Item(tables)


@pytest.fixture
def server(faults: Faults) -> Server:
    """For the contract."""
    return faults.dynamodb


def test_a_kill_leaves_tables_items_and_streams(faults: Faults, tables: DynamoDBSandbox) -> None:
    """SIGKILL in the middle: what was acknowledged is there, and a reader of the stream goes on in it."""
    tables.start_stream("event-store")
    put(tables, 1, 2)
    streams = Stream(tables)
    assert ["1", "2"] == streams.read()
    put(tables, 3)
    with faults.dynamodb.killed(), pytest.raises((Broken, HTTPClientError), match=CANNOT):
        client().list_tables()
    assert ["event-store"] == client().list_tables()["TableNames"]
    put(tables, 4)
    assert ["3", "4"] == streams.read()
    assert ["1", "2", "3", "4"] == sorted(item["number"]["N"] for item in tables.items("event-store"))


def put(tables: DynamoDBSandbox, *numbers: int) -> None:
    """An item for each of *numbers*, past the link."""
    for number in numbers:
        item = {"id": {"S": f"item {number}"}, "number": {"N": str(number)}}
        tables.client.put_item(TableName="event-store", Item=item)


class Stream:
    """A reader of the stream of the one table, past the link."""

    def __init__(self, tables: DynamoDBSandbox) -> None:
        self._client = new_session().client(
            "dynamodbstreams", endpoint_url=tables.client.meta.endpoint_url, region_name="us-east-1"
        )
        arn = tables.client.describe_table(TableName="event-store")["Table"]["LatestStreamArn"]
        (shard,) = self._client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        found = self._client.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        self._iterator = found["ShardIterator"]

    def read(self) -> list[str]:
        """The numbers of the items that were put since the last call."""
        found = self._client.get_records(ShardIterator=self._iterator)
        self._iterator = found["NextShardIterator"]
        return [record["dynamodb"]["NewImage"]["number"]["N"] for record in found["Records"]]


def test_http_faults_and_a_link_add_up(faults: Faults, tables: DynamoDBSandbox) -> None:
    """The proxy of `proxied()` stands in front of the link."""
    with tables.proxied() as proxy:
        store = client()
        with proxy.lose_reply("PutItem") as lost, pytest.raises((Broken, HTTPClientError), match=CANNOT):
            store.put_item(TableName="event-store", Item=KEY)
        assert 1 == lost.fired
        with faults.dynamodb.refuse(), pytest.raises((Broken, HTTPClientError), match=CANNOT):
            store.list_tables()
        assert ["event-store"] == store.list_tables()["TableNames"]


HTTP_FAULTS: list[Callable[[DynamoDBProxy], Any]] = [
    lambda proxy: proxy.lose_reply(times=None),
    lambda proxy: proxy.throttle(times=None),
    lambda proxy: proxy.fail(times=None),
    lambda proxy: proxy.delay(60),
    lambda proxy: proxy.leave_unprocessed(times=None),
    lambda proxy: proxy.split_pages(1),
]
NAMES = ["lose_reply", "throttle", "fail", "delay", "leave_unprocessed", "split_pages"]


@pytest.mark.parametrize("fault", HTTP_FAULTS, ids=NAMES)
def test_an_http_fault_is_undone_when_the_test_raises(
    tables: DynamoDBSandbox, fault: Callable[[DynamoDBProxy], Any]
) -> None:
    """And the next request, on the same connection, is as if nothing had been."""
    with tables.proxied() as proxy:
        store = client()
        store.list_tables()
        with pytest.raises(ZeroDivisionError, match="no luck"), fault(proxy):
            raise ZeroDivisionError("no luck")
        store.put_item(TableName="event-store", Item=KEY)
        assert [None, None] == [request.fault for request in proxy.requests]
        assert [KEY] == store.scan(TableName="event-store")["Items"]
