"""What DynamoDB Local needs to run, and the round trip that proves a DynamoDB works."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_labkit.services.base import Endpoint

AWAITED = "an item put and read back"
MAIN_CLASS = "Loopback"
LAUNCHER = Path(__file__).with_name("loopback.jar")
"""Starts DynamoDB Local on 127.0.0.1 only; see `Loopback.java`."""

_TABLE = "labkit-probe"
# DynamoDB Local keeps one namespace per access key: the probe's table is in nobody's way.
_PROBE_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "Authorization": "AWS4-HMAC-SHA256 Credential=labkitprobe/20120810/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=0",
}


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
    key = {"id": {"S": uuid.uuid4().hex}}
    with (_client if endpoint.backend == "external" else _by_hand)(endpoint, timeout_s) as call:
        try:
            call("put_item", Item=key)
        except NoTable:
            call(
                "create_table",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
            )
            call("put_item", Item=key)
        got = call("get_item", Key=key, ConsistentRead=True).get("Item")
        call("delete_item", Key=key)
    if got != key:
        raise RuntimeError(f"put {key} and read {got}")


class NoTable(Exception):
    """The table of the probe is not there yet."""


@contextmanager
def _client(endpoint: Endpoint, timeout_s: float) -> Iterator[Callable[..., Any]]:
    """Calls of an external DynamoDB, signed; a table that was just made is waited for."""
    from boto3.session import Session  # a session of its own: boto3's default one is not thread-safe
    from botocore.config import Config

    client = Session().client(
        "dynamodb",
        endpoint_url=endpoint.address,
        region_name=endpoint.env["AWS_DEFAULT_REGION"],
        aws_access_key_id=endpoint.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=endpoint.env["AWS_SECRET_ACCESS_KEY"],
        config=Config(
            connect_timeout=timeout_s,
            read_timeout=timeout_s,
            retries={"total_max_attempts": 1, "mode": "standard"},
        ),
    )

    def call(operation: str, **parameters: Any) -> Any:
        try:
            answer = getattr(client, operation)(TableName=_TABLE, **parameters)
        except client.exceptions.ResourceNotFoundException as error:
            raise NoTable from error
        except client.exceptions.ResourceInUseException:  # another probe made it a moment ago
            answer = {}
        if operation == "create_table":
            client.get_waiter("table_exists").wait(
                TableName=_TABLE, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
            )
        return answer

    try:
        yield call
    finally:
        client.close()


@contextmanager
def _by_hand(endpoint: Endpoint, timeout_s: float) -> Iterator[Callable[..., Any]]:
    """
    Calls of a DynamoDB Local of the kit's, which asks for a signature and does not check it.

    Importing boto3 and making a client would take half a second of a core, while servers start.
    """
    place = urlsplit(endpoint.address)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=timeout_s)

    def call(operation: str, **parameters: Any) -> Any:
        target = f"DynamoDB_20120810.{operation.title().replace('_', '')}"
        body = json.dumps({"TableName": _TABLE, **parameters})
        connection.request("POST", "/", body, {"X-Amz-Target": target, **_PROBE_HEADERS})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        problem = str(said.get("__type", answer.status)).rpartition("#")[2]
        if problem == "ResourceNotFoundException":
            raise NoTable
        if answer.status != 200 and problem != "ResourceInUseException":
            raise RuntimeError(f"{operation}: {problem} {said.get('message', '')}".rstrip())
        return said

    try:
        yield call
    finally:
        connection.close()


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
