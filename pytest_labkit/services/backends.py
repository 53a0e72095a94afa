"""Which backend services come from, and whether one that is there will do."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from pytest_labkit.domain.errors import KitError, UsageProblem
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import registry
from pytest_labkit.services.base import Backend, Endpoint, Running
from pytest_labkit.services.catalogue import BACKGROUND, EAGER, NAMES, SERVICES


@dataclass(frozen=True)
class Choice:
    """The backend of a run, and why it is that one, in words that end a sentence."""

    backend: str
    why: str


def choose(settings: Settings, names: Collection[str] = EAGER) -> Choice:
    """
    The backend that the services *names* come from.

    `auto` takes what `labkit up` runs already, then Docker if it can be used, then this machine.

    Raises:
        KitError: The backend asked for cannot be used, or with `auto` none can.
    """
    if settings.backend != "auto":
        if settings.backend != "external" and (
            problem := backend_of(settings.backend).available(settings, names)
        ):
            raise KitError(
                f"--lab-backend {settings.backend} cannot be used: {problem}",
                "Use --lab-backend auto, which takes what can be had. labkit doctor shows what that is.",
            )
        return Choice(settings.backend, "as asked for")
    if (kept := _kept_backend(settings)) and not (
        set(names) <= set(BACKGROUND) and backend_of(kept).available(settings, names)
    ):
        return Choice(kept, "labkit up started it")
    if (no_docker := backend_of("docker").available(settings, names)) is None:
        return Choice("docker", "a Docker daemon answers")
    if (no_local := backend_of("local").available(settings, names)) is None:
        return Choice("local", no_docker.rstrip("."))
    raise KitError(
        f"No backend can be used. docker: {no_docker} local: {no_local}",
        "Run: pip install 'pytest-labkit[labs]', or start Docker; labkit doctor checks both.",
    )


def _kept_backend(settings: Settings) -> str | None:
    """The backend of what `labkit up` keeps, `None` if it keeps nothing."""
    return min({told["backend"] for told in registry.kept(settings.root).services().values()}, default=None)


def works(endpoint: Endpoint, *, timeout_s: float = 5.0) -> bool:
    """Whether a round trip to *endpoint* works now, in *timeout_s* seconds a step; never raises."""
    with suppress(Exception):
        probe(endpoint, timeout_s=timeout_s)
        return True
    return False


def probe(endpoint: Endpoint, *, timeout_s: float = 5.0) -> None:
    """Make a round trip to *endpoint*; raises if that does not work in *timeout_s* seconds a step."""
    SERVICES[endpoint.service].probe(endpoint, timeout_s=timeout_s)


def backend_of(name: str) -> Backend:
    """The module that is the backend *name*."""
    return cast(Backend, importlib.import_module(f"pytest_labkit.services.{name}"))


def known(names: list[str]) -> list[str]:
    """*names*; raises `UsageProblem` if there is no service of one of them."""
    for name in names:
        if name not in NAMES:
            raise UsageProblem(f"There is no service {name!r}.", f"The services are {', '.join(NAMES)}.")
    return names


def serves(running: Running | None, brokers: int) -> bool:
    """Whether it is there, and has enough brokers if it is a cluster of the kit's."""
    if running is None:
        return False
    endpoint = running.endpoint
    own_cluster = SERVICES[endpoint.service].cluster is not None and endpoint.backend != "external"
    return not own_cluster or len(endpoint.address.split(",")) >= brokers
