"""
What can go wrong on the way between a client and a server, as far as TCP knows of it.

A fault says of bytes that arrive when they may go on: now, later, or never. It acts on connections that were
there before it and on those that come while it lasts; what it does not touch goes its way.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_labkit.faults.tcp.flow import Flow
    from pytest_labkit.faults.tcp.proxy import Line

REQUESTS, REPLIES = "requests", "replies"
WAYS = frozenset({REQUESTS, REPLIES})

NEVER = None
HELD = math.inf

_PIECE_S = 0.05


class WireFault:
    """
    A fault on the ways in *ways*; `fired` is how often it did something.

    What it holds back goes on in order; a fault that is lifted lets go of all that it held. *piece* is the
    most bytes that it judges at once.
    """

    piece = math.inf

    def __init__(self, ways: Collection[str] = WAYS) -> None:
        self.ways = frozenset(ways)
        self.fired = 0

    def begin(self, lines: Collection[Line]) -> None:
        """It has come over *lines*, and over each that is opened later."""

    def end(self, lines: Collection[Line]) -> None:
        """It is lifted."""

    def spares(self, line: Line) -> bool:  # noqa: ARG002 - most spare all
        """Whether a connection that *line* accepts now goes on; if not, it is reset."""
        return True

    def due(self, size: int, due: float) -> float | None:  # noqa: ARG002 - most do not count bytes
        """When *size* bytes that could go on at *due* may: `HELD`, once it is lifted; `NEVER`, at no time."""
        return due

    def free(self, flow: Flow) -> float:  # noqa: ARG002
        """How many more bytes of *flow* pass before it judges any."""
        return 0

    def room(self, flow: Flow) -> float:  # noqa: ARG002
        """How many more bytes *flow* may carry before its connection breaks."""
        return math.inf


class Delay(WireFault):
    """
    Bytes are late by *seconds*, give or take *jitter*, and in order; connecting is not delayed.

    It is latency, not a limit: what follows need not wait for what went before to arrive.
    """

    def __init__(
        self, seconds: float, jitter: float = 0.0, seed: int = 0, ways: Collection[str] = WAYS
    ) -> None:
        super().__init__(ways)
        self._seconds = seconds
        self._jitter = jitter
        self._chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret

    def due(self, size: int, due: float) -> float:  # noqa: ARG002
        self.fired += 1
        return due + max(0.0, self._seconds + self._chance.uniform(-self._jitter, self._jitter))


class Bandwidth(WireFault):
    """All connections together get no more than *bytes_per_s* in each direction."""

    def __init__(self, bytes_per_s: float, ways: Collection[str] = WAYS) -> None:
        super().__init__(ways)
        self._rate = bytes_per_s
        self.piece = max(1.0, bytes_per_s * _PIECE_S)  # so that they trickle
        self._free = 0.0  # when the last of what was accepted will have left

    def due(self, size: int, due: float) -> float:
        self.fired += 1
        self._free = max(self._free, due) + size / self._rate
        return self._free


class Stall(WireFault):
    """Nothing arrives while it lasts; then all of it does, as after a cable was put back within seconds."""

    def due(self, size: int, due: float) -> float:  # noqa: ARG002
        self.fired += 1
        return HELD


class Hole(WireFault):
    """
    What is sent while it lasts never arrives, nor does the end of a connection.

    The first *after* bytes of each connection are spared. A connection that has lost bytes stays silent in
    that direction for good, as one whose entry a firewall forgot: nothing else is true to TCP, which has no
    holes in a stream.
    """

    def __init__(self, after: int = 0, ways: Collection[str] = WAYS) -> None:
        super().__init__(ways)
        self._after = after

    def free(self, flow: Flow) -> float:
        return max(0, self._after - (flow.come - flow.carried_before(self)))

    def due(self, size: int, due: float) -> None:  # noqa: ARG002
        self.fired += 1
        return NEVER

    def end(self, lines: Collection[Line]) -> None:
        for line in lines:
            line.bury_the_dead()


class Cut(WireFault):
    """Each connection is reset by the first byte after *after* more bytes of it have passed."""

    def __init__(self, after: int, ways: Collection[str] = WAYS) -> None:
        super().__init__(ways)
        self._after = after

    def room(self, flow: Flow) -> float:
        return self._after - (flow.carried - flow.carried_before(self))


class Reset(WireFault):
    """Connections are reset: all there are, and each that is made while it lasts."""

    def begin(self, lines: Collection[Line]) -> None:
        for line in lines:
            self.fired += line.reset_all()

    def spares(self, line: Line) -> bool:  # noqa: ARG002
        self.fired += 1
        return False


class Refuse(WireFault):
    """
    Nobody listens: connections are reset, and new ones refused.

    The kernel does the refusing and keeps no count: `fired` is the connections that were reset.
    """

    def begin(self, lines: Collection[Line]) -> None:
        for line in lines:
            line.stop_listening()
            self.fired += line.reset_all()

    def end(self, lines: Collection[Line]) -> None:
        for line in lines:
            if not any(isinstance(other, Refuse) for other in line.faults if other is not self):
                line.listen()


class LoseReply(WireFault):
    """The server has done what it was asked to, and the connection is reset before it can say so."""

    def __init__(self, api: str, times: int | None) -> None:
        super().__init__((REPLIES,))
        self.api = api
        self._left = math.inf if times is None else times

    def takes(self) -> bool:
        """Whether it is the turn of a reply that has come."""
        if self._left <= 0:
            return False
        self._left -= 1
        self.fired += 1
        return True


KINDS = {
    "bandwidth": Bandwidth,
    "cut": Cut,
    "delay": Delay,
    "hole": Hole,
    "lose_reply": LoseReply,
    "refuse": Refuse,
    "reset": Reset,
    "stall": Stall,
}
