"""
Connections that pass through a port of 127.0.0.1, and the faults on them.

Runs in one thread on an event loop of asyncio, in a process of its own (`control`, `daemon`): there neither
a busy test nor a frozen clock slows it down. Where no fault is, bytes go from one socket to the other at
once.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Protocol

from pytest_labkit.faults.tcp.fault import DOWNSTREAM, UPSTREAM, TcpFault
from pytest_labkit.faults.tcp.flow import END, RESET, Flow, Item

_BACKLOG = 512


class Untranslatable(Exception):
    """What came is not in the language that a translator knows."""


class Translator(Protocol):
    """What may be done to the bytes of one connection on their way, in each direction."""

    def upstream(self, data: bytes) -> Iterable[Item]:
        """What goes on to the server for *data* of the client's."""
        ...

    def downstream(self, data: bytes) -> Iterable[Item]:
        """What goes on to the client for *data* of the server's."""
        ...


class ProxiedPort:
    """
    A port of 127.0.0.1 that leads to *target*, with *faults* on the way: a list that grows and shrinks.

    *translator* makes the translator of each connection; without, bytes are carried as they are. *at* is the
    port, 0 for any that is free; `OSError` if another program has it.
    """

    def __init__(
        self,
        target: tuple[str, int],
        faults: list[TcpFault],
        translator: Callable[[ProxiedPort], Translator] | None = None,
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

    def reschedule(self) -> None:
        """A fault was lifted: let go of what only that one held."""
        for connection in list(self.connections):
            connection.upstream.reschedule()
            connection.downstream.reschedule()

    def reset_half_closed(self) -> None:
        """Reset each connection of which one side has closed and the other could not hear of it."""
        for connection in list(self.connections):
            if connection.upstream.lost_fin or connection.downstream.lost_fin:
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

    def __init__(self, port: ProxiedPort) -> None:
        self.port = port
        self.open = True
        self.upstream = Flow(self, UPSTREAM, port.faults)
        self.downstream = Flow(self, DOWNSTREAM, port.faults)
        translator = port.translator(port) if port.translator else None
        self.client = Side(self, self.upstream, self.downstream, translator.upstream if translator else None)
        self.server = Side(
            self, self.downstream, self.upstream, translator.downstream if translator else None
        )

    def made(self, side: Side) -> None:
        """One of the two sides is there: first the client's, and the server's once it has been reached."""
        if side is self.client:
            self.port.connections.add(self)
        if not self.open or (side is self.client and not all(f.admits() for f in self.port.faults)):
            self.reset()
        elif side is self.client:
            keep(asyncio.get_running_loop().create_task(self._reach_the_server()))

    def finish(self) -> None:
        """Close both sides once both directions have ended."""
        if self.upstream.ended and self.downstream.ended:
            self._leave()
            for transport in self._transports():
                transport.close()

    def reset(self) -> None:
        """Close both sides with a reset (RST), not with an end of file."""
        self._leave()
        for transport in self._transports():
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()

    def _leave(self) -> None:
        self.open = False
        self.port.connections.discard(self)
        self.upstream.drop()
        self.downstream.drop()

    def _transports(self) -> list[asyncio.Transport]:
        sides = (self.client.transport, self.server.transport)
        return [side for side in sides if side is not None and not side.is_closing()]

    async def _reach_the_server(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.server, *self.port.target)
        except OSError:
            self.reset()


class Side(asyncio.Protocol):
    """One side of a connection: what is read here goes *out*, what comes *into* it is written here."""

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
        """What comes into this side has somewhere to go."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = self._out.source = transport
        self._into.lead_to(transport)
        self._connection.made(self)

    def data_received(self, data: bytes) -> None:
        """It goes out, translated if there is a translator."""
        if self._translate is None:
            self._out.take(data)
            return
        try:
            items = list(self._translate(data))
        except Untranslatable as problem:
            self._connection.port.problems.append(str(problem))
            items = [RESET]
        for item in items:
            self._out.take(item)

    def eof_received(self) -> bool:
        """So does the end of this direction."""
        self._said_all = True
        self._out.take(END)
        return True  # the other direction may go on

    def connection_lost(self, error: Exception | None) -> None:
        """And so does the loss of the connection, if that was not its end."""
        if self._connection.open and not (self._said_all and error is None):
            self._said_all = True
            self._out.take(RESET if error else END)

    def pause_writing(self) -> None:
        """Enough waits to be sent from here."""
        self._into.wait(sink_is_full=True)

    def resume_writing(self) -> None:
        """There is room again."""
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
