"""What can go wrong on the way between a client and a server, as far as TCP knows of it."""

from __future__ import annotations

import math
import random
from collections.abc import Collection

from pytest_labkit.faults.tcp.fault import DIRECTIONS, DOWNSTREAM, HELD, NEVER, Port, TcpFault

_PIECE_S = 0.05


class Latency(TcpFault):
    """
    Bytes are late by *seconds*, give or take *jitter*, and in order; connecting is not delayed.

    It is no limit: what follows need not wait for what went before to arrive.
    """

    def __init__(
        self, seconds: float, jitter: float = 0.0, seed: int = 0, directions: Collection[str] = DIRECTIONS
    ) -> None:
        super().__init__(directions)
        self._seconds = seconds
        self._jitter = jitter
        self._chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret

    def due(self, size: int, due: float) -> float:  # noqa: ARG002
        """Later by a delay that is drawn anew for each piece."""
        self.fired += 1
        return due + max(0.0, self._seconds + self._chance.uniform(-self._jitter, self._jitter))


class Bandwidth(TcpFault):
    """All connections together get no more than *bytes_per_s* in each direction."""

    def __init__(self, bytes_per_s: float, directions: Collection[str] = DIRECTIONS) -> None:
        super().__init__(directions)
        self._rate = bytes_per_s
        self.piece = max(1.0, bytes_per_s * _PIECE_S)  # so that they trickle
        self._free = 0.0  # when the last of what was accepted will have left

    def due(self, size: int, due: float) -> float:
        """When all that was accepted before, and these, have left."""
        self.fired += 1
        self._free = max(self._free, due) + size / self._rate
        return self._free


class Stall(TcpFault):
    """Nothing arrives while it lasts; then all of it does, as after a cable was put back within seconds."""

    def due(self, size: int, due: float) -> float:  # noqa: ARG002
        """When it is lifted."""
        self.fired += 1
        return HELD


class Blackhole(TcpFault):
    """
    What is sent while it lasts never arrives, nor does the end of a connection (Toxiproxy: timeout 0).

    The first *after* bytes of each connection are spared. A connection that has lost bytes stays silent in
    that direction for good, as one whose entry a firewall forgot: nothing else is true to TCP, which has no
    holes in a stream.
    """

    def __init__(self, after: int = 0, directions: Collection[str] = DIRECTIONS) -> None:
        super().__init__(directions)
        self._after = after

    def free(self, since: float) -> float:
        """What is left of the bytes that are spared."""
        return max(0, self._after - since)

    def due(self, size: int, due: float) -> None:  # noqa: ARG002
        """Never."""
        self.fired += 1
        return NEVER

    def end(self, ports: Collection[Port]) -> None:
        """Whoever could not hear that the other side has closed hears of a reset."""
        for port in ports:
            port.reset_half_closed()


class LimitData(TcpFault):
    """Each connection is reset by the first byte after *after* more bytes of it have passed."""

    def __init__(self, after: int, directions: Collection[str] = DIRECTIONS) -> None:
        super().__init__(directions)
        self._after = after

    def room(self, since: float) -> float:
        """What is left of the bytes that pass."""
        return self._after - since


class ResetPeer(TcpFault):
    """Connections are reset: all there are, and each that is made while it lasts."""

    def begin(self, ports: Collection[Port]) -> None:
        """Reset those there are."""
        for port in ports:
            self.fired += port.reset_all()

    def admits(self) -> bool:
        """No new one."""
        self.fired += 1
        return False


class Refuse(TcpFault):
    """
    Nobody listens: connections are reset, and new ones refused (Toxiproxy: down).

    The kernel does the refusing and keeps no count: `fired` is the connections that were reset.
    """

    def begin(self, ports: Collection[Port]) -> None:
        """Stop listening, and reset the connections there are."""
        for port in ports:
            port.stop_listening()
            self.fired += port.reset_all()

    def end(self, ports: Collection[Port]) -> None:
        """Listen again where no other of its kind lies."""
        for port in ports:
            if not any(isinstance(other, Refuse) for other in port.faults if other is not self):
                port.listen()


class LoseReply(TcpFault):
    """The server has done what it was asked to, and the connection is reset before it can say so."""

    def __init__(self, api: str, times: int | None) -> None:
        super().__init__((DOWNSTREAM,))
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
    "blackhole": Blackhole,
    "latency": Latency,
    "limit_data": LimitData,
    "lose_reply": LoseReply,
    "refuse": Refuse,
    "reset_peer": ResetPeer,
    "stall": Stall,
}
