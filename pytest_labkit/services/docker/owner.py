"""
Whose a container is, and how it goes when its owner is gone.

Every container and network bears labels that name the checkout and the process that made it. At the
next start, what a killed process left is removed by these labels. Ryuk, testcontainers' reaper, is the
second net: it removes sooner, but it may be absent, and it can fail without a word.
"""

from __future__ import annotations

import atexit
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import processes
from pytest_labkit.host.processes import Identity
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import guard, registry
from pytest_labkit.services.docker.daemon import address, connected, first_line, need_image

if TYPE_CHECKING:
    from docker import DockerClient

RUN = uuid4().hex
"""This process, to Ryuk: what bears it as `labkit.run` goes when the process does."""

RYUK = "ryuk"
"""The `labkit.run` of Ryuk, which must not remove itself; it goes ten seconds after its run."""

KEPT = "kept"
"""The `labkit.run` of what `labkit up` keeps: no process owns it."""

RYUK_S = 10.0  # for Ryuk to acknowledge


def labels(settings: Settings, service: str, *, keep: bool) -> dict[str, str]:
    """The labels of a container or network that is made now for *service*, in *settings*' checkout."""
    owner = guard.owner(settings.environ)
    return {
        "labkit.run": KEPT if keep else RUN,
        "labkit.root": str(settings.root),
        "labkit.service": service,
        "labkit.host": socket.gethostname(),
        "labkit.owner_pid": str(owner["pid"]),
        "labkit.owner_started": repr(owner["started"]),
    }


def sweep(client: DockerClient, settings: Settings, *, kept: str | None = None) -> list[str]:
    """
    Remove the containers and networks of this checkout whose owner is gone; gives their ids, but for Ryuk's.

    Those of other checkouts and of other machines are left alone. What `labkit up` keeps is owned by
    the state file, and by `labkit up` itself until it is written there; those of the service *kept* go
    all the same: `labkit up` is about to start it anew.
    """
    from docker.errors import APIError

    def remove_container(id_: str) -> None:
        client.api.remove_container(id_, force=True, v=True)

    containers, networks = _ours(client, settings)
    found = [(container, remove_container) for container in containers]
    found += [(network, client.api.remove_network) for network in networks]
    removed = []
    for thing, remove in found:
        if may_go(thing["Labels"], kept=kept) and not (kept is None and _is_in_use(thing, settings)):
            with suppress(APIError):  # another process is removing it too
                remove(thing["Id"])
                removed += [thing["Id"]] if thing["Labels"].get("labkit.run") != RYUK else []
    return removed


def left(client: DockerClient, settings: Settings) -> bool:
    """Whether the daemon has a container or network of this checkout."""
    return any(_ours(client, settings))


def _ours(client: DockerClient, settings: Settings) -> tuple[list[Any], list[Any]]:
    """The containers, running or not, and the networks of this checkout on this machine."""
    ours = {"label": [f"labkit.root={settings.root}", f"labkit.host={socket.gethostname()}"]}
    return client.api.containers(all=True, filters=ours), client.api.networks(filters=ours)


def may_go(marks: Mapping[str, str], *, kept: str | None = None) -> bool:
    """Whether what bears the labels *marks* has outlived who made it, or is kept for the service *kept*."""
    if marks.get("labkit.run") == KEPT and kept is not None:
        return marks.get("labkit.service") == kept
    try:
        owner = Identity(pid=int(marks["labkit.owner_pid"]), started=float(marks["labkit.owner_started"]))
    except (KeyError, ValueError):
        return False  # not of this version of the kit
    return processes.find(owner) is None


def _is_in_use(thing: Mapping[str, Any], settings: Settings) -> bool:
    """Whether the state file names this container or network; read after its maker was found gone."""
    if thing["Labels"].get("labkit.run") != KEPT:
        return False
    told = registry.kept(settings.root).services().values()
    known = [id_ for service in told for id_ in (*service.get("containers", ()), service.get("network"))]
    return thing["Id"] in known or thing.get("Name") in known


_ryuk_lock = threading.Lock()
_ryuk: socket.socket | None = None  # while it is open, Ryuk knows that this process lives


def call_ryuk(settings: Settings, say: Callable[[str], None]) -> None:
    """
    Have Ryuk watch over what this process starts; started once, and given up on with a word to *say*.

    testcontainers' own start of Ryuk is not used: it publishes the port on every interface, takes a
    connection that Docker's proxy accepted for Ryuk's word (testcontainers-python #1114), and is not
    safe in threads. A worker of pytest-xdist calls none: its services belong to the whole run.
    """
    from docker.errors import DockerException
    from testcontainers.core.config import testcontainers_config as config

    global _ryuk
    with _ryuk_lock:
        if _ryuk is not None or config.ryuk_disabled or guard.owner(settings.environ)["pid"] != os.getpid():
            return
        try:
            _ryuk = _start_ryuk(settings, config, say)
        except (DockerException, KitError, OSError) as error:
            say(f"Without Ryuk, a killed run's containers stay until the next run. {first_line(error)}")
        else:
            atexit.register(_ryuk.close)


def _start_ryuk(settings: Settings, config: Any, say: Callable[[str], None]) -> socket.socket:
    """Start Ryuk on a port of loopback; the socket over which it has said that it watches."""
    need_image(settings, config.ryuk_image, say)
    marks = labels(settings, "ryuk", keep=False) | {"labkit.run": RYUK}
    with connected(settings) as client:
        ryuk = client.containers.run(
            config.ryuk_image,
            detach=True,
            auto_remove=True,
            privileged=config.ryuk_privileged,
            labels=marks,
            environment={"RYUK_RECONNECTION_TIMEOUT": config.ryuk_reconnection_timeout},
            volumes={_socket_path(settings): {"bind": "/var/run/docker.sock", "mode": "rw"}},
            ports={"8080/tcp": ("127.0.0.1",)},
        )
        ryuk.reload()
        port = int(ryuk.ports["8080/tcp"][0]["HostPort"])
    return _acknowledged(port)


def _socket_path(settings: Settings) -> str:
    """The daemon's socket as the daemon's machine sees it, for Ryuk to be given."""
    given = settings.environ.get("TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE")
    url = urlsplit(address(settings))
    return given or (url.path if url.scheme == "unix" else "/var/run/docker.sock")


def _acknowledged(port: int) -> socket.socket:
    """A connection to Ryuk on which it has answered ACK; `OSError` if it does not in about 10 s."""
    deadline = time.monotonic() + RYUK_S
    while True:
        try:
            return _asked(port)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _asked(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=RYUK_S)
    try:
        connection.sendall(f"label=labkit.run={RUN}\n".encode())
        if not connection.recv(16).startswith(b"ACK"):
            raise ConnectionError("Ryuk did not acknowledge.")  # Docker's proxy was there first
    except OSError:
        connection.close()
        raise
    return connection
