"""DynamoDB: where it is had from, and the round trip that proves that one works."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_labkit.host.settings import Settings
from pytest_labkit.services import dynoxide
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.jvm import java
from pytest_labkit.services.recipes import ContainerRecipe, ExternalRecipe, ProcessRecipe, Program, Server
from pytest_labkit.services.service import Release, Requirement, Say, Service
from pytest_labkit.services.slots import Slot, take

if TYPE_CHECKING:
    from http.client import HTTPConnection

AWAITED = "an item put and read back"
IMAGE = "amazon/dynamodb-local:3.1.0"
PROBE_TABLE = "labkit-probe"
"""The probe's own: of this name where the kit did not start the service, else with something after it."""

_VARIABLE = "AWS_ENDPOINT_URL_DYNAMODB"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PLACES = range(16)  # enough for those who run at once, and few: DynamoDB Local has four threads for each key
_PROBE_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20120810T000000Z",
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
    secret_key: str = "labkit",  # noqa: S107 - those of the kit take any
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

    In a table of its own, which is gone afterwards. An external DynamoDB, which may take its time to make
    one, keeps it.
    """
    if endpoint.backend == "external":
        with _client(endpoint, timeout_s) as call:
            try:
                _round_trip(call)
            except NoTable:
                call("create_table", **_KEYS)
                _round_trip(call)
    else:
        with _by_hand(endpoint, timeout_s) as call:
            call("create_table", **_KEYS)
            try:
                _round_trip(call)
            finally:
                with suppress(Exception):  # what went wrong before is what matters
                    call("delete_table")


_KEYS = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def _round_trip(call: Callable[..., Any]) -> None:
    key = {"id": {"S": uuid.uuid4().hex}}
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
            answer = getattr(client, operation)(TableName=PROBE_TABLE, **parameters)
        except client.exceptions.ResourceNotFoundException as error:
            raise NoTable from error
        except client.exceptions.ResourceInUseException:  # another probe made it a moment ago
            answer = {}
        if operation == "create_table":
            client.get_waiter("table_exists").wait(
                TableName=PROBE_TABLE, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
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
    Calls of a DynamoDB of the kit's, which asks for a signature and does not check it.

    Importing boto3 and making a client would take half a second of a core, while servers start.
    """
    table = f"{PROBE_TABLE}-{uuid.uuid4().hex[:12]}"  # others may be at it at the same time
    with _connected(endpoint, timeout_s) as connection:

        def call(operation: str, **parameters: Any) -> Any:
            target = f"DynamoDB_20120810.{operation.title().replace('_', '')}"
            body = json.dumps({"TableName": table, **parameters})
            connection.request("POST", "/", body, {"X-Amz-Target": target, **_PROBE_HEADERS})
            answer = connection.getresponse()
            said = json.loads(answer.read())
            if answer.status != 200:
                problem = str(said.get("__type", answer.status)).rpartition("#")[2]
                raise RuntimeError(f"{operation}: {problem} {said.get('message', '')}".rstrip())
            return said

        yield call


@contextmanager
def _connected(endpoint: Endpoint, timeout_s: float) -> Iterator[HTTPConnection]:
    from http.client import HTTPConnection

    place = urlsplit(endpoint.address)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=timeout_s)
    try:
        yield connection
    finally:
        connection.close()


def take_place(endpoint: Endpoint) -> Slot | None:
    """
    What keeps other tests on this machine out of *endpoint*; `None` where it is this test's own, or far away.

    A container is one test's at a time, whatever is in it. An external one on this machine is taken for a
    DynamoDB Local, which has a namespace for each access key.
    """
    url = urlsplit(endpoint.address)
    if endpoint.backend == "docker":
        number = (url.port or 0) % len(_PLACES)
        return take("dynamodb-server", range(number, number + 1), more=False)
    if endpoint.backend == "external" and url.hostname in _LOOPBACK:
        return take("dynamodb", _PLACES, more=True)
    return None


def credentials(endpoint: Endpoint, place: Slot | None) -> dict[str, str]:
    """
    Credentials for a test that has its *place* at *endpoint*, and no way to any that the machine has.

    Letters and digits only: DynamoDB Local accepts no others in an access key. None for a service that is not
    on this machine, which has its own.
    """
    if endpoint.backend == "external" and place is None:
        return {}
    return {
        "AWS_ACCESS_KEY_ID": f"labkit{place.number if place else ''}",
        "AWS_SECRET_ACCESS_KEY": "labkit",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def command(program: Path, *, port: int, folder: Path) -> list[str]:
    """Start *program*, a dynoxide, on 127.0.0.1 only; what it stores in *folder* outlives a kill."""
    place = ["--host", "127.0.0.1", "--port", str(port)]
    return [str(program), "serve", *place, "--db-path", str(folder / "dynamodb.db")]


def _processes(settings: Settings, _brokers: int, say: Say) -> ProcessRecipe:
    found = dynoxide.find(settings, say)
    version = _named(found.version)

    def prepare(folder: Path, ports: list[int], _options: Sequence[str]) -> tuple[list[Program], Endpoint]:
        started = command(found.program, port=ports[0], folder=folder)
        return [Program(started, ports[0], "dynamodb.log")], _on_port(ports[0], "local", version)

    hint = "Run: labkit doctor. It looks at the program, memory, disk and ports."
    return ProcessRecipe(1, prepare, probe, AWAITED, deadline_s=30, hint=hint)


def _release(settings: Settings) -> Release:
    return Release("dynoxide", dynoxide.VERSION, settings.dynamodb_image or IMAGE, None)


def _containers(settings: Settings) -> ContainerRecipe:
    image = _release(settings).image
    return ContainerRecipe(
        image,
        lambda _brokers: [Server("dynamodb", 8000, _DYNAMODB_LOCAL if image == IMAGE else None)],
        lambda ports: _on_port(ports[0], "docker", image.rpartition(":")[2]),
        deadline_s=120,
        version=server_version,
    )


# Quick to start rather than quick after an hour; in memory, and without a word to its vendor.
_DYNAMODB_LOCAL = [*java.FAST, "-jar", "DynamoDBLocal.jar", "-inMemory", "-disableTelemetry"]


def server_version(endpoint: Endpoint, *, timeout_s: float = 3.0) -> str:
    """The version of the server at *endpoint*, and its name where it is not the one that the image has."""
    with _connected(endpoint, timeout_s) as connection:
        connection.request("GET", "/")
        named = connection.getresponse().headers.get("Server", "")
    name, _, version = named.partition("/")
    return _named(version) if name.lower() == "dynoxide" else endpoint.version


def _named(version: str) -> str:
    return f"{version} (dynoxide)"


def _on_port(port: int, backend: str, version: str) -> Endpoint:
    return endpoint(f"http://127.0.0.1:{port}", backend=backend, version=version)


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
    release=_release,
    probe=probe,
    awaited=AWAITED,
    processes=_processes,
    containers=_containers,
    external=ExternalRecipe((_VARIABLE,), "http://127.0.0.1:8000", _given),
    runs_on=lambda _settings: f"dynoxide {dynoxide.VERSION}",
    requirements=(Requirement("dynoxide", dynoxide.look, vital=False),),
    client="boto3",
    own=None,
    own_server=("local",),
    keeps=("local",),
)
