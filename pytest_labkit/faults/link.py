"""The way to a server, which leads through a process of the kit's own, and the faults that it can have."""

from __future__ import annotations

import math
from itertools import count
from typing import Any, Literal

from pytest_labkit.domain import seeds
from pytest_labkit.faults.orders import Orders
from pytest_labkit.faults.undo import Fault

Direction = Literal["both", "upstream", "downstream"]


class Link:
    """
    A way to a server: connections to `port` of 127.0.0.1 lead there, with the faults that lie on it.

    A fault is on connections that were there before it and on those made while it lasts. *direction* is
    `"upstream"` for what clients send, `"downstream"` for what servers send, or `"both"`. Times are seconds.
    """

    def __init__(
        self, proxy: Orders, active: list[Fault], group: str, seed: int, key: str | None = None
    ) -> None:
        self._proxy = proxy
        self._active = active
        self._group = group
        self._seed = seed
        self._key = key
        self._made = count()

    def latency(self, seconds: float, jitter: float = 0.0, direction: Direction = "both") -> LinkFault:
        """
        Bytes are late by *seconds*, give or take *jitter*: evenly spread, and repeated by the run's seed.

        It is no limit: what follows is not held up by what went before. Each direction counts, so a
        round trip takes twice as long. Connecting takes no longer.
        """
        if not 0 <= jitter <= seconds:
            raise ValueError(f"jitter={jitter}: it has to be between 0 and {seconds}, the latency")
        seed = seeds.derive(self._seed, self._name, "latency", str(next(self._made)))
        return self._fault(
            "latency", direction, seconds=_positive("seconds", seconds), jitter=jitter, seed=seed
        )

    def bandwidth(self, bytes_per_s: float, direction: Direction = "both") -> LinkFault:
        """No more than so many bytes a second get through in each direction, all connections together."""
        return self._fault("bandwidth", direction, bytes_per_s=_positive("bytes_per_s", bytes_per_s))

    def stall(self, direction: Direction = "both") -> LinkFault:
        """Nothing gets through, and all of it does in the end: a partition shorter than TCP's patience."""
        return self._fault("stall", direction)

    def blackhole(self, direction: Direction = "both", after: int = 0) -> LinkFault:
        """
        Bytes vanish, but for the first *after* of each connection, and connections stay.

        A connection that has lost bytes is silent in that direction for good, also when the fault is over:
        its client has to give it up. Connections that carried nothing meanwhile, and new ones, are well.
        """
        return self._fault("blackhole", direction, after=_count("after", after))

    def limit_data(self, after: int = 0, direction: Direction = "downstream") -> LinkFault:
        """
        A connection is reset by the first byte after *after* more bytes of it.

        `limit_data()` is a reply lost: the server has done what it was asked for, and the client never hears.
        """
        return self._fault("limit_data", direction, after=_count("after", after))

    def reset_peer(self) -> LinkFault:
        """All connections are reset (RST): those there are, and those made while it lasts, at once."""
        return self._fault("reset_peer", "both")

    def refuse(self) -> LinkFault:
        """Nobody listens: new connections are refused, those there are reset, as if the server had died."""
        return self._fault("refuse", "both")

    @property
    def _name(self) -> str:
        return self._group if self._key is None else f"{self._group} {self._key}"

    def _fault(self, kind: str, direction: Direction, **given: Any) -> LinkFault:
        chosen = ["upstream", "downstream"] if direction == "both" else [direction]
        if not set(chosen) <= {"upstream", "downstream"}:
            raise ValueError(f"direction={direction!r}: it has to be 'both', 'upstream' or 'downstream'")
        if kind not in ("reset_peer", "refuse", "lose_reply"):
            given["directions"] = chosen
        return LinkFault(
            self._proxy, self._active, f"{kind} on {self._name}", kind, (self._group, self._key), given
        )


_TOLD = {
    "latency": "what passes between client and {} is late",
    "bandwidth": "little passes between client and {}",
    "stall": "nothing passes between client and {}",
    "blackhole": "what is sent to {} or by it is lost",
    "limit_data": "connections to {} are cut in the middle",
    "reset_peer": "connections to {} are reset",
    "refuse": "connections to {} are refused",
    "lose_reply": "replies of {} are lost",
}
_CUT = ("blackhole", "limit_data", "reset_peer", "refuse")
_fault_numbers = count()


class LinkFault(Fault):
    """
    A fault on a link.

    A test that needs it to happen must see that `fired` is not 0: a fault that meets nothing proves nothing.
    """

    def __init__(
        self,
        proxy: Orders,
        active: list[Fault],
        name: str,
        kind: str,
        where: tuple[str, str | None],
        given: dict[str, Any],
    ) -> None:
        super().__init__(active, name, _TOLD[kind].format(name.rpartition(" on ")[2]), cuts=kind in _CUT)
        self._proxy = proxy
        self._kind = kind
        self._where = where
        self._given = given
        self._number = next(_fault_numbers)
        self._fired: int | None = 0

    @property
    def fired(self) -> int:
        """How often it did something: to pieces of data, or, if it breaks connections, to connections."""
        return self._proxy.order("fired", fault=self._number) if self._fired is None else self._fired

    def _begin(self) -> None:
        group, key = self._where
        self._fired = None  # before the order: interrupted after it, there is something to undo
        self._proxy.order(
            "begin", fault=self._number, kind=self._kind, group=group, key=key, given=self._given
        )

    def _end(self) -> None:
        if self._fired is None:
            self._fired = self._proxy.order("end", fault=self._number)


def _count(name: str, value: int) -> int:
    if value < 0:
        raise ValueError(f"{name}={value}: a number of bytes is not negative")
    return value


def _positive(name: str, value: float) -> float:
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name}={value}: it has to be positive")
    return value
