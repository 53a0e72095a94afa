"""Where a program of a lab's system is, and how it reaches the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """
    What a program is told when it starts.

    Args:
        name: Its own name.
        port: The port of 127.0.0.1 that it has to serve HTTP on, `/health` among others.
        calls: Where it reaches what it calls: host and port of the link, by name.
        database: The number of the Redis database that this system has to itself.
    """

    name: str
    port: int
    calls: Mapping[str, tuple[str, int]]
    database: int = 0

    def url(self, service: str) -> str:
        """Where *service* is reached by HTTP: `http://127.0.0.1:20001`. `KeyError` if it is not called."""
        host, port = self.calls[service]
        return f"http://{host}:{port}"
