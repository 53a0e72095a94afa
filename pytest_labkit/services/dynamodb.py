"""DynamoDB: where it is had from, and the round trip that proves that one works."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_labkit.host.settings import Settings
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.jvm import archives, download, java
from pytest_labkit.services.jvm.archives import Archive
from pytest_labkit.services.recipes import ContainerRecipe, ExternalRecipe, ProcessRecipe, Program, Server
from pytest_labkit.services.service import Release, Requirement, Say, Service
from pytest_labkit.services.slots import Slot, take

VERSION = "3.1.0"
AWAITED = "an item put and read back"
MAIN_CLASS = "Loopback"

RELEASE = Release("DynamoDB Local", VERSION, f"amazon/dynamodb-local:{VERSION}", "dynamodb")
_VARIABLE = "AWS_ENDPOINT_URL_DYNAMODB"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# DynamoDB Local keeps four threads for each access key it ever saw: few, used again and again.
_SLOTS = range(16)
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
        _VARIABLE: url,
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
    client = _boto3(endpoint, timeout_s)

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


def _boto3(endpoint: Endpoint, timeout_s: float) -> Any:
    """A client with a session of its own: boto3's default one is not thread-safe."""
    from boto3.session import Session
    from botocore.config import Config

    retries: Any = {"total_max_attempts": 1, "mode": "standard"}
    return Session().client(
        "dynamodb",
        endpoint_url=endpoint.address,
        region_name=endpoint.env["AWS_DEFAULT_REGION"],
        aws_access_key_id=endpoint.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=endpoint.env["AWS_SECRET_ACCESS_KEY"],
        config=Config(connect_timeout=timeout_s, read_timeout=timeout_s, retries=retries),
    )


@contextmanager
def _by_hand(endpoint: Endpoint, timeout_s: float) -> Iterator[Callable[..., Any]]:
    """
    Calls of a DynamoDB Local of the kit's, which asks for a signature and does not check it.

    Importing boto3 and making a client would take half a second of a core, while servers start.
    """
    from http.client import HTTPConnection

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


def take_namespace(endpoint: Endpoint) -> Slot | None:
    """
    A namespace that no other test on this machine has; `None` where *endpoint* is not on this machine.

    DynamoDB Local keeps one per access key.
    """
    on_this_machine = urlsplit(endpoint.address).hostname in _LOOPBACK
    return take("dynamodb", _SLOTS, more=True) if on_this_machine else None


def credentials(namespace: Slot) -> dict[str, str]:
    """
    Credentials for *namespace*, and no way to any that the machine has.

    Letters and digits only: DynamoDB Local accepts no others in an access key.
    """
    return {
        "AWS_ACCESS_KEY_ID": f"labkit{namespace.number}",
        "AWS_SECRET_ACCESS_KEY": "labkit",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


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


def _processes(settings: Settings, _brokers: int, say: Say) -> ProcessRecipe:
    found = java.find(settings.environ)
    files = download.fetch(download.artifacts("dynamodb"), settings, say, what=f"DynamoDB Local {VERSION}")
    native = next(file.parent for file in files if file.suffix != ".jar")
    jars = _jars([file for file in files if file.suffix == ".jar"], download.folder(settings))

    def prepare(_folder: Path, ports: list[int], options: Sequence[str]) -> tuple[list[Program], Endpoint]:
        started = command(
            [*found.command, *options], class_path=java.class_path(jars), native=native, port=ports[0]
        )
        return [Program(started, ports[0], "dynamodb.log")], _on_port(ports[0], "local")

    archive = Archive("dynamodb", found, tuple(jars), archives.folder(settings))
    return ProcessRecipe(1, prepare, probe, AWAITED, deadline_s=90, archive=archive)


def _jars(jars: list[Path], folder: Path) -> list[Path]:
    """*jars* with the copy of the first one's jar that an archive can be made of, if there can be one."""
    from pytest_labkit.services.jvm import dynamodb_jar

    main = next(jar for jar in jars if jar.name.startswith("DynamoDBLocal-"))
    others = [jar for jar in jars if jar != main]
    with suppress(OSError):  # the cache cannot be written: no archive either
        return [dynamodb_jar.archivable(main, dynamodb_jar.LAUNCHER, folder / "labkit"), *others]
    return [dynamodb_jar.LAUNCHER, main, *others]


def _servers(_brokers: int) -> list[Server]:
    # Without -sharedDb: one namespace per access key, as the tests' isolation needs it.
    command = [*java.FAST, "-jar", "DynamoDBLocal.jar", "-inMemory", "-disableTelemetry"]
    return [Server("dynamodb", 8000, command)]


def _on_port(port: int, backend: str) -> Endpoint:
    return endpoint(f"http://127.0.0.1:{port}", backend=backend, version=VERSION)


def _given(address: str, environ: Mapping[str, str]) -> Endpoint:
    return endpoint(
        address,
        backend="external",
        version="unknown",
        access_key=environ.get("AWS_ACCESS_KEY_ID", "labkit"),
        secret_key=environ.get("AWS_SECRET_ACCESS_KEY", "labkit"),
        region=environ.get("AWS_DEFAULT_REGION", "us-east-1"),
    )


SERVICE = Service(
    name="dynamodb",
    variable=_VARIABLE,
    gives="a DynamoDB of the test's own, found by a plain boto3: `.client`, `.create_table()`, "
    "`.start_stream()`, `.items()`, `.delete()`, `.proxied()`",
    release=lambda _settings: RELEASE,
    probe=probe,
    awaited=AWAITED,
    processes=_processes,
    containers=lambda _settings: ContainerRecipe(
        RELEASE.image, _servers, lambda ports: _on_port(ports[0], "docker"), deadline_s=120
    ),
    external=ExternalRecipe((_VARIABLE,), "http://127.0.0.1:8000", _given),
    runs_on=java.runs_on,
    requirements=(Requirement("java", java.look),),
    client="boto3",
    own=None,
)
