"""
What a service is to the rest of the kit: a name, an endpoint, and something that can stop it.

Nothing here starts anything. `local`, `docker` and `external` each give the same `Running`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pytest_labkit.host.settings import Settings
from pytest_labkit.services.members import Member


@dataclass(frozen=True)
class Endpoint:
    """
    Where a service that is ready can be reached.

    Args:
        service: Its name, such as `"kafka"`.
        backend: `"docker"`, `"local"` or `"external"`.
        version: The server's version.
        address: `host:port[,host:port…]` for Kafka, a URL for the others.
        env: What a program needs in its environment to find it, such as `KAFKA_BOOTSTRAP_SERVERS`.
        ready_s: Seconds from its start to the first round trip that worked; 0.0 when it ran already.
    """

    service: str
    backend: str
    version: str
    address: str
    env: Mapping[str, str] = field(default_factory=dict)
    ready_s: float = 0.0


class Running(Protocol):
    """A service that was started, by whichever backend."""

    endpoint: Endpoint

    def describe(self) -> dict[str, Any]:
        """JSON that finds this very service again from another process, for the state file."""
        ...

    def settled(self) -> None:
        """Its description stands in a state file now: being killed would not leave it unknown to all."""
        ...

    def alive(self) -> bool:
        """Whether the processes or containers behind it still run (no round trip is made)."""
        ...

    def members(self) -> Sequence[Member]:
        """Its processes or containers, brokers in the order of their ids; none if it is not the kit's."""
        ...

    def log_tail(self, lines: int = 20) -> list[str]:
        """The last lines it logged, oldest first; empty for an external service."""
        ...

    def stop(self) -> None:
        """Stop it and remove what it left; nothing happens the second time."""
        ...


class Backend(Protocol):
    """What each of the modules `docker`, `local` and `external` offers."""

    def available(self, settings: Settings, services: Collection[str] = ...) -> str | None:
        """`None` if it can start *services* (all, if left out), else one plain sentence that says why not."""
        ...

    def start(
        self,
        service: str,
        settings: Settings,
        *,
        brokers: int = 1,
        say: Callable[[str], None] = ...,
        keep: bool = False,
    ) -> Running:
        """
        Start *service* and wait until a round trip has worked.

        With *keep* it outlives this process; without, it ends with it at the latest, however that ends.
        Raises `ServiceFailed` or `KitError`.
        """
        ...

    def find(self, description: Mapping[str, Any], settings: Settings) -> Running | None:
        """The service that `Running.describe` described; `None` if nothing is left of it."""
        ...
