"""
One direction of a connection: bytes on their way from one socket to another, and what faults make of them.

Where no fault is, they go on at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from pytest_labkit.faults.tcp.fault import NEVER, TcpFault

Item = bytes | None
"""What is carried: bytes, of which none are the end of a direction, or `RESET`."""

END: Item = b""
RESET: Item = None

_ROOM = 4 * 1024 * 1024
"""Bytes that may be on their way in one direction; then the sender has to wait, as for TCP's own window."""


class Pipe(Protocol):
    """The connection that a flow is part of."""

    open: bool

    def finish(self) -> None:
        """One direction has ended."""
        ...

    def reset(self) -> None:
        """Break both."""
        ...


class Flow:
    """One direction of a connection: bytes on their way, in order."""

    def __init__(self, connection: Pipe, direction: str, faults: list[TcpFault]) -> None:
        self.source: asyncio.Transport | None = None
        self.ended = False
        self.lost_fin = False
        self._connection = connection
        self._direction = direction
        self._faults = faults
        self._sink: asyncio.Transport | None = None
        self._held: deque[tuple[float, Item]] = deque()
        self._carried = 0
        self._held_bytes = 0
        self._silent = False
        self._sink_is_full = False
        self._waits = False
        self._timer: asyncio.TimerHandle | None = None
        self._began: dict[TcpFault, int] = {}

    def lead_to(self, sink: asyncio.Transport) -> None:
        """What comes goes to *sink*, and so does what has come by now."""
        self._sink = sink
        self._carry_what_is_due()

    def take(self, item: Item) -> None:
        """Something has come from the source."""
        if not self._connection.open or (self._silent and item):
            return
        if self._faults or self._held or self._sink is None:
            self._hold(item)
            self._carry_what_is_due()
        else:
            self._carry(item)

    def reschedule(self) -> None:
        """Ask the faults that are left when what is held may go on."""
        held = list(self._held)
        self.drop()
        for _, item in held:
            self._hold(item)
        self._carry_what_is_due()

    def drop(self) -> None:
        """Forget what is held."""
        self._held.clear()
        self._held_bytes = 0
        if self._timer is not None:
            self._timer.cancel()

    def wait(self, *, sink_is_full: bool) -> None:
        """Have the source wait while there is no room for what it sends."""
        self._sink_is_full = sink_is_full
        self._let_the_source_wait()

    def _here(self) -> Iterable[TcpFault]:
        return [fault for fault in self._faults if self._direction in fault.directions]

    def _hold(self, item: Item) -> None:
        """Hold *item*, in pieces that each fault judges as a whole."""
        while item and len(item) > (size := self._whole()):
            self._hold_piece(item[: int(size)])
            item = item[int(size) :]
        self._hold_piece(item)

    def _whole(self) -> float:
        """How many of the bytes that come next may be judged together."""
        free = [free for fault in self._here() if (free := self._free(fault)) > 0]
        return min([fault.piece for fault in self._here()] + free, default=math.inf)

    def _hold_piece(self, item: Item) -> None:
        due = self._due(len(item or b""))
        if due is NEVER:
            self._silent = True
            self.lost_fin |= not item
            return
        self._held.append((max(due, self._held[-1][0]) if self._held else due, item))
        self._held_bytes += len(item or b"")
        self._let_the_source_wait()

    def _due(self, size: int) -> float | None:
        """When *size* bytes that have come now may go on, as far as the faults here see it."""
        due = asyncio.get_running_loop().time()
        for fault in self._here():
            if (free := self._free(fault)) > 0 and size <= free:
                continue
            judged = fault.due(size, due)
            if judged is NEVER or math.isinf(judged):
                return judged
            due = judged
        return due

    def _free(self, fault: TcpFault) -> float:
        """How many more bytes *fault* lets come before it judges any; those that are held have come."""
        return fault.free(self._carried + self._held_bytes - self._at_start_of(fault))

    def _at_start_of(self, fault: TcpFault) -> int:
        """How many bytes had been carried when *fault* began."""
        return self._began.setdefault(fault, self._carried)

    def _carry_what_is_due(self) -> None:
        loop = asyncio.get_running_loop()
        while self._sink is not None and self._held and self._held[0][0] <= loop.time():
            _, item = self._held.popleft()
            self._held_bytes -= len(item or b"")
            self._carry(item)
        self._let_the_source_wait()
        if self._timer is not None:
            self._timer.cancel()
        if self._held and math.isfinite(self._held[0][0]):
            self._timer = loop.call_at(self._held[0][0], self._carry_what_is_due)

    def _carry(self, item: Item) -> None:
        """Hand *item* to the sink."""
        if item is None:  # RESET
            self._connection.reset()
        elif not item:  # END
            self._end()
        else:
            self._write(item)

    def _write(self, data: bytes) -> None:
        assert self._sink is not None
        room, fault = self._room() if self._faults else (len(data), None)
        self._carried += len(data)
        if not self._sink.is_closing():
            self._sink.write(data[: int(room)] if room < len(data) else data)
        if fault is not None and room < len(data):
            fault.fired += 1
            self._connection.reset()

    def _end(self) -> None:
        assert self._sink is not None
        self.ended = True
        if not self._sink.is_closing():
            with contextlib.suppress(OSError):  # its other end is gone, and nobody has read that yet
                self._sink.write_eof()
        self._connection.finish()

    def _room(self) -> tuple[float, TcpFault | None]:
        """How many bytes may pass, and which fault says so."""
        rooms = [(fault.room(self._carried - self._at_start_of(fault)), fault) for fault in self._here()]
        return min(rooms, key=lambda room: room[0], default=(math.inf, None))

    def _let_the_source_wait(self) -> None:
        waits = self._sink_is_full or self._held_bytes > _ROOM
        if waits == self._waits or self.source is None or self.source.is_closing():
            return
        self._waits = waits
        if waits:
            self.source.pause_reading()
        else:
            self.source.resume_reading()
