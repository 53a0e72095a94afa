"""
What a fault on a link is: what it is asked about bytes that arrive, and what it may do to the port itself.

Words are Toxiproxy's where it has one: what clients send goes *upstream*, what servers send *downstream*.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Protocol

UPSTREAM, DOWNSTREAM = "upstream", "downstream"
DIRECTIONS = frozenset({UPSTREAM, DOWNSTREAM})

NEVER = None
HELD = math.inf


class Port(Protocol):
    """A port that leads to a server, as far as the faults on it act on it."""

    @property
    def faults(self) -> Sequence[TcpFault]:
        """The faults that lie on it."""
        ...

    def listen(self) -> None:
        """Accept connections."""
        ...

    def stop_listening(self) -> None:
        """Refuse connections."""
        ...

    def reset_all(self) -> int:
        """Reset every connection; how many there were."""
        ...

    def reset_half_closed(self) -> None:
        """Reset each connection of which one side has closed and the other could not hear of it."""
        ...


class TcpFault:
    """
    A fault on what goes in *directions*; `fired` is how often it did something.

    It says of bytes that arrive when they may go on: now, later, or never. It acts on connections that were
    there before it and on those that come while it lasts. What it holds back goes on in order; a fault that
    is lifted lets go of all that it held. *piece* is the most bytes that it judges at once.
    """

    piece = math.inf

    def __init__(self, directions: Collection[str] = DIRECTIONS) -> None:
        self.directions = frozenset(directions)
        self.fired = 0

    def begin(self, ports: Collection[Port]) -> None:
        """It has come over *ports*, and over each that is opened later."""

    def end(self, ports: Collection[Port]) -> None:
        """It is lifted."""

    def admits(self) -> bool:
        """Whether a connection that is accepted now goes on; if not, it is reset."""
        return True

    def due(self, size: int, due: float) -> float | None:  # noqa: ARG002 - most do not count bytes
        """When *size* bytes that could go on at *due* may: `HELD`, once it is lifted; `NEVER`, at no time."""
        return due

    def free(self, since: float) -> float:  # noqa: ARG002
        """How many more bytes pass before it judges any, *since* so many have come in its time."""
        return 0

    def room(self, since: float) -> float:  # noqa: ARG002
        """How many more bytes pass before the connection breaks, *since* so many were carried in its time."""
        return math.inf
