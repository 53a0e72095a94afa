"""
An exchange as a program of its own, whose links outlive whoever puts faults on them.

Its argument is a file, JSON: the port of 127.0.0.1 to take orders on, and the lines to open, each an order of
`exchange`. What a connection has begun is lifted when it ends: no fault outlives who made it, killed or not.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from pytest_labkit.domain.errors import KitError
from pytest_labkit.faults.control import Exchange, Group, answer

_ANSWER_S = 10.0


class Switchboard:
    """
    The other end: passes orders on to the switchboard on *port*. Not for several threads at once.

    Faults that were begun through it are lifted when it is closed, or when its process ends.

    Raises:
        KitError: Nobody takes orders there.
    """

    def __init__(self, port: int) -> None:
        self._numbers = count()
        try:
            self._connection = socket.create_connection(("127.0.0.1", port), _ANSWER_S)
        except OSError as error:
            raise KitError(
                f"The links between the services cannot be reached: {error.strerror or error}.",
                "Run: labkit status. It shows what runs.",
            ) from error
        self._lines = self._connection.makefile("rwb")

    def order(self, do: str, **given: Any) -> Any:
        """Have *do* done; what was answered. Raises `KitError` if it was not, or could not be done."""
        number = next(self._numbers)
        try:
            self._lines.write(json.dumps({"number": number, "do": do, **given}).encode() + b"\n")
            self._lines.flush()
            line = self._lines.readline()
        except OSError as error:
            raise KitError(f"The links between the services gave no answer: {error}.") from error
        if not line:
            raise KitError("The links between the services are gone.", "Run: labkit status.")
        said = json.loads(line)
        if "error" in said:
            raise KitError(f"The links between the services could not {do}: {said['error']}")
        return said["value"]

    def close(self) -> None:
        """Lift what was begun."""
        with contextlib.suppress(OSError):
            self._lines.close()
        self._connection.close()


class _Board:
    """The links, and whoever gives orders."""

    def __init__(self) -> None:
        self.groups: dict[str, Group] = {}
        self.connections: set[asyncio.StreamWriter] = set()

    async def serve(self, orders: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Do what one connection says until it ends; then lift what it has begun."""
        self.connections.add(answers)
        exchange = Exchange(self.groups)
        try:
            with contextlib.suppress(ConnectionError):
                while line := await orders.readline():
                    answers.write(answer(exchange, json.loads(line)).encode() + b"\n")
                    await answers.drain()
        finally:
            exchange.end_all()
            answers.close()
            self.connections.discard(answers)


async def serve(asked: Mapping[str, Any]) -> None:
    """Open the lines of *asked* and take orders until SIGTERM."""
    board, ended = _Board(), asyncio.Event()
    exchange = Exchange(board.groups)
    for line in asked["lines"]:
        exchange.open(**line)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    server = await asyncio.start_server(board.serve, "127.0.0.1", asked["port"])
    print(f"{len(asked['lines'])} links are open", flush=True)
    async with server:
        await ended.wait()
        server.close()
        while board.connections:  # each ends when it has read the end
            for connection in board.connections:
                connection.close()
            await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
