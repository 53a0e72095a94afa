"""
Services that run already: a `docker compose` set-up, or a managed Kafka, DynamoDB, Redis or search engine.

The environment says where they are, by the names that the ecosystem uses. They are never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import wait
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.catalogue import SERVICES
from pytest_labkit.services.service import Service

_DEADLINE_S = 15.0  # it is said to run already; this is for one that is just being started


@dataclass
class External:
    """A service that somebody else runs."""

    endpoint: Endpoint

    def describe(self) -> dict[str, Any]:
        """JSON that `find` finds it by."""
        return {"service": self.endpoint.service, "backend": "external", "endpoint": asdict(self.endpoint)}

    def settled(self) -> None:
        """Nothing: it is nobody's to lose."""

    def alive(self) -> bool:
        """Always: nobody here knows more than a round trip would tell."""
        return True

    def members(self) -> tuple[()]:
        """None: it is not the kit's to kill or to pause."""
        return ()

    def log_tail(self, lines: int = 20) -> list[str]:  # noqa: ARG002 - as every backend
        """Nothing: its log is elsewhere."""
        return []

    def stop(self) -> None:
        """Nothing: it is not the kit's."""


def available(settings: Settings, services: Collection[str] = ()) -> str | None:  # noqa: ARG001
    """`None` if the environment names at least one service, else one sentence that says so."""
    variables = [name for service in SERVICES.values() for name in service.external.variables]
    if any(settings.environ.get(variable) for variable in variables):
        return None
    return f"None of {', '.join(variables)} is set."


def start(
    service: str,
    settings: Settings,
    *,
    brokers: int = 1,  # noqa: ARG001 - as many as it has
    say: Callable[[str], None] = lambda _: None,  # noqa: ARG001
    keep: bool = False,  # noqa: ARG001 - it is kept whatever the kit does
) -> External:
    """
    The *service* that the environment names, once a round trip has worked.

    Raises:
        UsageProblem: The environment does not name it.
        ServiceFailed: It does not answer.
    """
    wanted = SERVICES[service]
    endpoint = wanted.external.endpoint(_given(wanted, settings.environ), settings.environ)
    began = time.monotonic()
    wait.until(
        lambda: wanted.probe(endpoint),
        deadline_s=_DEADLINE_S,
        service=service,
        awaited=f"{wanted.awaited} at {_shown(endpoint.address)}",
        hint=f"Is it running, and is {_variable(wanted, settings.environ)} right? "
        "Without it, use --lab-backend auto.",
    )
    ready_s = round(time.monotonic() - began, 3)
    return External(wanted.external.identified(replace(endpoint, ready_s=ready_s)))


def find(description: Mapping[str, Any], settings: Settings) -> External | None:  # noqa: ARG001
    """The service that `External.describe` described."""
    return External(Endpoint(**description["endpoint"]))


def _variable(service: Service, environ: Mapping[str, str]) -> str:
    """The environment variable that says where *service* is, or should say it."""
    names = service.external.variables
    return next((name for name in names if environ.get(name)), names[0])


def _given(service: Service, environ: Mapping[str, str]) -> str:
    variable = _variable(service, environ)
    if address := environ.get(variable):
        return address
    raise UsageProblem(
        f"--lab-backend external: the environment variable {variable} is not set.",
        f"Say where {service.name} runs, for instance {variable}={service.external.example}, "
        "or use --lab-backend auto.",
    )


def _shown(address: str) -> str:
    """*address* without a password that may stand in it."""
    scheme, separator, rest = address.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
