"""
Connections that pass through a relay on 127.0.0.1, and the faults on them.

Runs in one thread on an event loop of asyncio, in a process of its own (`exchange`): there neither a busy
test nor a frozen clock slows it down. Where no fault is, bytes go from one socket to the other at once.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Protocol

from pytest_labkit.faults.tcp.faults import REPLIES, REQUESTS, WireFault
from pytest_labkit.faults.tcp.flow import END, RESET, Flow, Item

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

    *translator* makes the translator of each connection; without, bytes are carried as they are. *at* is the
    port, 0 for any that is free; `OSError` if another program has it.
    """

    def __init__(
        self,
        target: tuple[str, int],
        faults: list[WireFault],
        translator: Callable[[Line], Translator] | None = None,
        at: int = 0,
    ) -> None:
        self.target = target
        self.faults = faults
        self.translator = translator
        self.connections: set[Connection] = set()
        self.problems: list[str] = []
        self._place = _bound(at)  # never listens: it keeps the port while nobody does
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
        self.requests = Flow(self, REQUESTS, line.faults)
        self.replies = Flow(self, REPLIES, line.faults)
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
