"""What a service is to the kit: one object, in a file of its own, from which all else is made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from pytest_labkit.host.settings import Settings
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.recipes import ContainerRecipe, ExternalRecipe, ProcessRecipe

Say = Callable[[str], None]


class Probe(Protocol):
    """A round trip."""

    def __call__(self, endpoint: Endpoint, *, timeout_s: float = ...) -> None:
        """Raises if it does not work in *timeout_s* seconds a step."""
        ...


@dataclass(frozen=True)
class Release:
    """What the kit starts: *image* is its name for Docker, *files* its section of `jars.lock`, if any."""

    title: str
    version: str
    image: str
    files: str | None


@dataclass(frozen=True)
class Requirement:
    """
    A program that a service needs to run on this machine, by the *name* that `labkit doctor` shows.

    *look* says what was found; raises `KitError` if there is none that runs. Without one that is not *vital*
    this service alone cannot be had.
    """

    name: str
    look: Callable[[Settings], str]
    vital: bool = True


@dataclass(frozen=True)
class Cluster:
    """
    Of a service that may be several brokers, and speaks Kafka's protocol.

    *brokers* gives id -> host and port; *in_sync* raises unless so many are there and none lags behind.
    """

    brokers: Callable[[Endpoint], Mapping[int, tuple[str, int]]]
    in_sync: Callable[[Endpoint, int, float], None]


@dataclass(frozen=True)
class Service:
    """
    A service: what proves that it works, where each backend has it from, and what a test gets of it.

    Args:
        name: In `lab.toml`, of its fixture and of its attribute of `faults`.
        variable: The environment variable by which a program finds it.
        gives: What its fixture is, for the reference.
        release: What is started with some settings.
        probe: A round trip.
        awaited: What *probe* does, in words: `"a key set and read back"`.
        processes: From settings, a number of brokers, and whom to tell of downloads.
        containers: From settings.
        external: How one is found that the kit did not start.
        runs_on: What it needs to be a process here, in words; raises `KitError` if that is not to be had.
        requirements: The same, one by one, for `labkit doctor`.
        client: The distribution of the library that the kit, and a student's code, talk to it with.
        own: Makes of its endpoint one that a single test has to itself; `None` if the session has a fixture
            for it that gives more than an endpoint.
        own_server: The backends on which a start takes milliseconds: there each test has a server of its own.
        keeps: The backends on which it finds what it has stored when it was killed and is started again.
        background: Whether it takes long to start: nothing else waits for it or fails with it.
        schemes: Those of its URL in which a link can stand in front of it, each with its usual port.
        cluster: What else there is to a cluster of brokers.
    """

    name: str
    variable: str
    gives: str
    release: Callable[[Settings], Release]
    probe: Probe
    awaited: str
    processes: Callable[[Settings, int, Say], ProcessRecipe]
    containers: Callable[[Settings], ContainerRecipe]
    external: ExternalRecipe
    runs_on: Callable[[Settings], str]
    requirements: tuple[Requirement, ...] = ()
    client: str | None = None
    own: Callable[[Endpoint], AbstractContextManager[Endpoint]] | None = nullcontext
    own_server: Collection[str] = ()
    keeps: Collection[str] = ()
    background: bool = False
    schemes: Mapping[str, int] = field(default_factory=lambda: {"http": 80})
    cluster: Cluster | None = None
