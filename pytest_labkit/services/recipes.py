"""How a service is had from each backend, as data: processes of this machine, containers, an address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.jvm.archives import Archive


@dataclass(frozen=True)
class Program:
    """A process to start: its command, the port it will listen on, and the name of its log."""

    command: Sequence[str]
    port: int
    log: str


@dataclass(frozen=True)
class ProcessRecipe:
    """
    How one service is started on this machine.

    *ports* is how many it needs; *prepare* writes what it starts from into a folder and gives the
    programs, which pass some options to their JVM, and the endpoint; *probe* proves that the endpoint
    works, *awaited* says how; *archive* is what its JVMs can start from, *hint* what to do when it fails.
    """

    ports: int
    prepare: Callable[[Path, list[int], Sequence[str]], tuple[list[Program], Endpoint]]
    probe: Callable[[Endpoint], None]
    awaited: str
    deadline_s: float
    archive: Archive | None = None
    hint: str = "Run: labkit doctor. It looks at Java, memory, disk and ports."


@dataclass(frozen=True)
class Server:
    """
    A container to be: *name* is its name on the network that it shares with its like.

    *environment* is made from the port of 127.0.0.1 that its own *port* is published on.
    """

    name: str
    port: int
    command: Sequence[str] | None = None
    environment: Callable[[int], Mapping[str, str]] = lambda _published: {}


def _as_pinned(endpoint: Endpoint) -> str:
    return endpoint.version


@dataclass(frozen=True)
class ContainerRecipe:
    """
    How one service is started as containers of *image*.

    *servers* gives them for a number of brokers, *endpoint* makes the endpoint from their published ports;
    *deadline_s* is for the whole start once the image is there; *version* asks a server that works.
    """

    image: str
    servers: Callable[[int], list[Server]]
    endpoint: Callable[[Sequence[int]], Endpoint]
    deadline_s: float
    version: Callable[[Endpoint], str] = _as_pinned


def _as_found(endpoint: Endpoint) -> Endpoint:
    return endpoint


@dataclass(frozen=True)
class ExternalRecipe:
    """
    How a service is found that somebody else runs.

    One of the environment *variables*, the first by preference, has its address, such as *example*;
    *endpoint* is made from the address and the environment, and *identified* adds what the server, once it
    works, says of itself.
    """

    variables: tuple[str, ...]
    example: str
    endpoint: Callable[[str, Mapping[str, str]], Endpoint]
    identified: Callable[[Endpoint], Endpoint] = _as_found
