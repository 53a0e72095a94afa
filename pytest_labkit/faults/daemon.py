"""
Links that outlive whoever puts faults on them: the proxy as a program that takes orders over TCP.

Its argument is a file, JSON: the port of 127.0.0.1 to take orders on, and the ports to open, each an order of
`control`. What a connection has begun is lifted when it ends: no fault outlives who made it, killed or not.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from pytest_labkit.domain.errors import KitError
from pytest_labkit.faults import orders
from pytest_labkit.faults.control import Group, ProxyControl

_CONNECT_S = 10.0
_NAME = "The links between the services"


class ProxyDaemonClient:
    """
    Passes orders on to the `ProxyDaemon` on *port*. Not for several threads at once.

    Faults that were begun through it are lifted when it is closed, or when its process ends.

    Raises:
        KitError: Nobody takes orders there.
    """

    def __init__(self, port: int) -> None:
        try:
            self._connection = socket.create_connection(("127.0.0.1", port), _CONNECT_S)
        except OSError as error:
            raise KitError(
                f"{_NAME} cannot be reached: {error.strerror or error}.",
                "Run: labkit status. It shows what runs.",
            ) from error
        self._connection.settimeout(None)  # its answers are waited for by a thread
        answers = cast("BinaryIO", self._connection.makefile("rb"))
        gone = orders.Gone(f"{_NAME} are gone.", "Run: labkit status.")
        self._client = orders.Client(_NAME, answers, self._connection.sendall, gone)

    def order(self, do: str, **given: Any) -> Any:
        """Have *do* done; what was answered. Raises `KitError` if it was not, or could not be done."""
        return self._client.order(do, **given)

    def close(self) -> None:
        """Lift what was begun."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)  # which ends the answers too
        self._connection.close()


class ProxyDaemon:
    """The links, and whoever gives orders."""

    def __init__(self) -> None:
        self.groups: dict[str, Group] = {}
        self.connections: set[asyncio.StreamWriter] = set()

    async def serve(self, told: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Do what one connection says until it ends; then lift what it has begun."""
        self.connections.add(answers)
        control = ProxyControl(self.groups)
        try:
            with contextlib.suppress(ConnectionError):
                await orders.obey(told, answers.write, control.do)
        finally:
            control.end_all()
            answers.close()
            self.connections.discard(answers)


async def serve(asked: Mapping[str, Any]) -> None:
    """Open the ports of *asked* and take orders until SIGTERM."""
    daemon, ended = ProxyDaemon(), asyncio.Event()
    control = ProxyControl(daemon.groups)
    for line in asked["lines"]:
        control.open(**line)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    server = await asyncio.start_server(daemon.serve, "127.0.0.1", asked["port"])
    print(f"{len(asked['lines'])} links are open", flush=True)
    async with server:
        await ended.wait()
        server.close()
        while daemon.connections:  # each ends when it has read the end
            for connection in daemon.connections:
                connection.close()
            await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
