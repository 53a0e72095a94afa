"""
Connections that pass through a relay on 127.0.0.1, and the faults on them.

Runs in one thread on an event loop of asyncio, in a process of its own (`exchange`): there neither a busy
test nor a frozen clock slows it down. Where no fault is, bytes go from one socket to the other at once.
"""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from pytest_labkit.faults.wire_faults import NEVER, REPLIES, REQUESTS, WireFault

Item = bytes | None
"""What is carried: bytes, of which none are the end of a direction, or `RESET`."""

END: Item = b""
RESET: Item = None

_ROOM = 4 * 1024 * 1024
"""Bytes that may be on their way in one direction; then the sender has to wait, as for TCP's own window."""

_BACKLOG = 512


class Untranslatable(Exception):
    """What came is not in the language that a translator knows."""


class Translator(Protocol):
    """What may be done to the bytes of one connection on their way, in each direction."""

    def requests(self, data: bytes) -> Iterable[Item]:
        """What goes on to the server for *data* of the client's."""
        ...

    def replies(self, data: bytes) -> Iterable[Item]:
        """What goes on to the client for *data* of the server's."""
        ...


class Line:
    """
    A port of 127.0.0.1 that leads to *target*, with *faults* on the way: a list that grows and shrinks.

    *translator* makes the translator of each connection; without, bytes are carried as they are.
    """

    def __init__(
        self,
        target: tuple[str, int],
        faults: list[WireFault],
        translator: Callable[[Line], Translator] | None = None,
    ) -> None:
        self.target = target
        self.faults = faults
        self.translator = translator
        self.connections: set[Connection] = set()
        self.problems: list[str] = []
        self._place = _bound(0)  # never listens: it keeps the port while nobody does
        self.port: int = self._place.getsockname()[1]
        self._listener: socket.socket | None = None

    def listen(self) -> None:
        """Accept connections."""
        if self._listener is None:
            self._listener = _bound(self.port)
            self._listener.listen(_BACKLOG)
            asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def stop_listening(self) -> None:
        """Refuse connections; the port stays ours."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def close(self) -> None:
        """Refuse connections, reset those there are, and give the port away."""
        self.stop_listening()
        self.reset_all()
        self._place.close()

    def reset_all(self) -> int:
        """Reset every connection; how many there were."""
        there = list(self.connections)
        for connection in there:
            connection.reset()
        return len(there)

    def judge_again(self) -> None:
        """A fault was lifted: let go of what only that one held."""
        for connection in list(self.connections):
            connection.requests.judge_again()
            connection.replies.judge_again()

    def bury_the_dead(self) -> None:
        """Reset each connection of which one end has closed and the other could not hear of it."""
        for connection in list(self.connections):
            if connection.requests.missed_the_end or connection.replies.missed_the_end:
                connection.reset()

    def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            accepted, _ = listener.accept()
        except OSError:
            return  # gone again before it was its turn
        connection = Connection(self)
        keep(loop.create_task(loop.connect_accepted_socket(lambda: connection.client, accepted)))


class Connection:
    """A connection of a client's, and the one to the server that belongs to it."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.open = True
        self.requests = Flow(self, REQUESTS)
        self.replies = Flow(self, REPLIES)
        translator = line.translator(line) if line.translator else None
        self.client = End(self, self.requests, self.replies, translator.requests if translator else None)
        self.server = End(self, self.replies, self.requests, translator.replies if translator else None)

    def made(self, end: End) -> None:
        """One of the two ends is there: first the client's, and the server's once it has been reached."""
        if end is self.client:
            self.line.connections.add(self)
        if not self.open or (end is self.client and not all(f.spares(self.line) for f in self.line.faults)):
            self.reset()
        elif end is self.client:
            keep(asyncio.get_running_loop().create_task(self._reach_the_server()))

    def finish(self) -> None:
        """Close both ends once both directions have ended."""
        if self.requests.ended and self.replies.ended:
            self._leave()
            for transport in self._transports():
                transport.close()

    def reset(self) -> None:
        """Close both ends with a reset (RST), not with an end of file."""
        self._leave()
        for transport in self._transports():
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()

    def _leave(self) -> None:
        self.open = False
        self.line.connections.discard(self)
        self.requests.drop()
        self.replies.drop()

    def _transports(self) -> list[asyncio.Transport]:
        ends = (self.client.transport, self.server.transport)
        return [end for end in ends if end is not None and not end.is_closing()]

    async def _reach_the_server(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.server, *self.line.target)
        except OSError:
            self.reset()


class End(asyncio.Protocol):
    """One end of a connection: what is read here goes *out*, what comes *into* it is written here."""

    def __init__(
        self,
        connection: Connection,
        out: Flow,
        into: Flow,
        translate: Callable[[bytes], Iterable[Item]] | None,
    ) -> None:
        self.transport: asyncio.Transport | None = None
        self._connection = connection
        self._out = out
        self._into = into
        self._translate = translate
        self._said_all = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = self._out.source = transport
        self._into.lead_to(transport)
        self._connection.made(self)

    def data_received(self, data: bytes) -> None:
        if self._translate is None:
            self._out.take(data)
            return
        try:
            items = list(self._translate(data))
        except Untranslatable as problem:
            self._connection.line.problems.append(str(problem))
            items = [RESET]
        for item in items:
            self._out.take(item)

    def eof_received(self) -> bool:
        self._said_all = True
        self._out.take(END)
        return True  # the other direction may go on

    def connection_lost(self, error: Exception | None) -> None:
        if self._connection.open and not (self._said_all and error is None):
            self._said_all = True
            self._out.take(RESET if error else END)

    def pause_writing(self) -> None:
        self._into.wait(sink_is_full=True)

    def resume_writing(self) -> None:
        self._into.wait(sink_is_full=False)


class Flow:
    """One direction of a connection: bytes on their way, in order."""

    def __init__(self, connection: Connection, way: str) -> None:
        self.source: asyncio.Transport | None = None
        self.carried = 0
        self.ended = False
        self.missed_the_end = False
        self._connection = connection
        self._way = way
        self._faults = connection.line.faults
        self._sink: asyncio.Transport | None = None
        self._held: deque[tuple[float, Item]] = deque()
        self._held_bytes = 0
        self._silent = False
        self._sink_is_full = False
        self._waits = False
        self._timer: asyncio.TimerHandle | None = None
        self._began: dict[WireFault, int] = {}

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

    def judge_again(self) -> None:
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

    def carried_before(self, fault: WireFault) -> int:
        """How many bytes had been carried when *fault* began."""
        return self._began.setdefault(fault, self.carried)

    def _here(self) -> Iterable[WireFault]:
        return [fault for fault in self._faults if self._way in fault.ways]

    def _hold(self, item: Item) -> None:
        due = self._due(len(item or b""))
        if due is NEVER:
            self._silent = True
            self.missed_the_end |= not item
            return
        self._held.append((max(due, self._held[-1][0]) if self._held else due, item))
        self._held_bytes += len(item or b"")
        self._let_the_source_wait()

    def _due(self, size: int) -> float | None:
        """When *size* bytes that have come now may go on, as far as the faults here see it."""
        due = asyncio.get_running_loop().time()
        for fault in self._here():
            judged = fault.due(size, due)
            if judged is NEVER or math.isinf(judged):
                return judged
            due = judged
        return due

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
        self.carried += len(data)
        if not self._sink.is_closing():
            self._sink.write(data[: int(room)] if room < len(data) else data)
        if fault is not None and room < len(data):
            fault.fired += 1
            self._connection.reset()

    def _end(self) -> None:
        assert self._sink is not None
        self.ended = True
        if not self._sink.is_closing():
            self._sink.write_eof()
        self._connection.finish()

    def _room(self) -> tuple[float, WireFault | None]:
        """How many bytes may pass, and which fault says so."""
        rooms = [(fault.room(self), fault) for fault in self._here()]
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


_tasks: set[asyncio.Task[object]] = set()


def keep(task: asyncio.Task[object]) -> None:
    """Keep *task* from being collected before it is done: the loop itself does not."""
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def _bound(port: int) -> socket.socket:
    """A socket on *port* of 127.0.0.1, which several of this user's may share; 0 for any that is free."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.setblocking(False)
    made.bind(("127.0.0.1", port))
    return made
