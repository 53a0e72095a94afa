"""What DynamoDB Local needs to run, and the round trip that proves a DynamoDB works."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_labkit.services.base import Endpoint

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AWAITED = "an item put and read back"
MAIN_CLASS = "Loopback"
LAUNCHER = Path(__file__).with_name("loopback.jar")
"""Starts DynamoDB Local on 127.0.0.1 only; see `Loopback.java`."""

_TABLE = "labkit-probe"
# DynamoDB Local keeps one namespace per access key: the probe's table is in nobody's way.
_PROBE_KEY = "labkitprobe"


def endpoint(
    url: str,
    *,
    backend: str,
    version: str,
    ready_s: float = 0.0,
    access_key: str = "labkit",
    secret_key: str = "labkit",  # noqa: S107 - DynamoDB Local takes any
    region: str = "us-east-1",
) -> Endpoint:
    """The endpoint of a DynamoDB at *url*, such as `http://127.0.0.1:8000`."""
    env = {
        "AWS_ENDPOINT_URL_DYNAMODB": url,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
    }
    return Endpoint("dynamodb", backend, version, url, env, ready_s)


def probe(endpoint: Endpoint, *, timeout_s: float = 5.0) -> None:
    """
    Put an item and read it back; raises if DynamoDB does not do that in *timeout_s* seconds a step.

    The table is made the first time: in a namespace of its own on DynamoDB Local, in the account's
    on an external DynamoDB.
    """
    client = _client(endpoint, timeout_s)
    try:
        key = {"id": {"S": uuid.uuid4().hex}}
        try:
            client.put_item(TableName=_TABLE, Item=key)
        except client.exceptions.ResourceNotFoundException:
            _create_table(client)
            client.put_item(TableName=_TABLE, Item=key)
        got = client.get_item(TableName=_TABLE, Key=key, ConsistentRead=True).get("Item")
        client.delete_item(TableName=_TABLE, Key=key)
    finally:
        client.close()
    if got != key:
        raise RuntimeError(f"put {key} and read {got}")


def _create_table(client: DynamoDBClient) -> None:
    with suppress(client.exceptions.ResourceInUseException):  # another probe made it a moment ago
        client.create_table(
            TableName=_TABLE,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    client.get_waiter("table_exists").wait(TableName=_TABLE, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def _client(endpoint: Endpoint, timeout_s: float) -> DynamoDBClient:
    from boto3.session import Session  # a session of its own: boto3's default one is not thread-safe
    from botocore.config import Config

    external = endpoint.backend == "external"
    return Session().client(
        "dynamodb",
        endpoint_url=endpoint.address,
        region_name=endpoint.env["AWS_DEFAULT_REGION"],
        aws_access_key_id=endpoint.env["AWS_ACCESS_KEY_ID"] if external else _PROBE_KEY,
        aws_secret_access_key=endpoint.env["AWS_SECRET_ACCESS_KEY"],
        config=Config(
            connect_timeout=timeout_s,
            read_timeout=timeout_s,
            retries={"total_max_attempts": 1, "mode": "standard"},
            proxies=None if external else {},  # a proxy of the environment's never leads to this machine
        ),
    )


def command(java: Sequence[str], *, class_path: str, native: Path, port: int) -> list[str]:
    """
    Start DynamoDB Local in memory on *port*, one namespace per access key.

    *java* is the program with the options of any JVM of the kit; *native* is the folder of its
    SQLite library.
    """
    return [
        *java,
        "-Xmx2g",
        f"-Djava.library.path={native}",
        "-cp",
        class_path,
        MAIN_CLASS,
        "-inMemory",
        "-disableTelemetry",
        "-port",
        str(port),
    ]
