"""The switchboard: links that outlive a process, and faults that do not."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pytest_labkit.domain.errors import KitError
from pytest_labkit.faults.daemon import ProxyDaemonClient
from pytest_labkit.faults.link import Link
from pytest_labkit.host import processes
from pytest_labkit.services import wait


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says what it is told, back."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(100):
                connection.sendall(data)

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.fixture
def board(echo: int, tmp_path: Path) -> Iterator[tuple[int, int, subprocess.Popen[bytes]]]:
    """The port for orders, that of the one link `a-b`, and the process."""
    control, link = processes.free_ports(2)
    line = {"group": "a-b", "key": "b", "host": "127.0.0.1", "port": echo, "kafka": False, "at": link}
    asked = tmp_path / "asked.json"
    asked.write_text(json.dumps({"port": control, "lines": [line]}))
    process = subprocess.Popen([sys.executable, "-P", "-m", "pytest_labkit.faults.daemon", str(asked)])
    wait.until(
        lambda: ProxyDaemonClient(control).close(),
        deadline_s=20,
        service="switchboard",
        awaited="a connection",
    )
    yield control, link, process
    process.kill()
    process.wait()


def said(port: int) -> bytes:
    """What comes back of `hello` through the link on *port*, or the name of what was raised."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(b"hello")
            return connection.recv(100)
    except OSError as error:
        return type(error).__name__.encode()


def test_a_fault_is_over_with_its_with(board: tuple[int, int, subprocess.Popen[bytes]]) -> None:
    """A link carries; refused inside; carries again."""
    control, port, _ = board
    assert b"hello" == said(port)
    with closing(ProxyDaemonClient(control)) as orders, Link(orders, [], "a-b", 1).refuse():
        assert b"ConnectionRefusedError" == said(port)
    assert b"hello" == said(port)


def test_a_fault_is_over_with_its_maker(board: tuple[int, int, subprocess.Popen[bytes]]) -> None:
    """A process that began a fault is killed with SIGKILL: within a second the link carries again."""
    control, port, _ = board
    code = (
        "from pytest_labkit.faults.link import Link\n"
        "from pytest_labkit.faults.daemon import ProxyDaemonClient\n"
        f"Link(ProxyDaemonClient({control}), [], 'a-b', 1).reset_peer().__enter__()\n"
        "print('begun', flush=True); input()"
    )
    maker = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert maker.stdout is not None
    assert "begun\n" == maker.stdout.readline()
    assert b"hello" != said(port)
    maker.kill()
    maker.communicate()
    wait.until(lambda: _same(b"hello", said(port)), deadline_s=1, service="link", awaited="an echo")


def _same(expected: bytes, got: bytes) -> None:
    assert expected == got


def test_faults_of_two_makers_do_not_meet(board: tuple[int, int, subprocess.Popen[bytes]]) -> None:
    """One that closes lifts its own faults; what the other has begun lasts."""
    control, port, _ = board
    one, other = ProxyDaemonClient(control), ProxyDaemonClient(control)
    Link(one, [], "a-b", 1).refuse().__enter__()
    lasting = Link(other, [], "a-b", 1).refuse()
    lasting.__enter__()
    one.close()
    assert 0 == lasting.fired
    assert b"ConnectionRefusedError" == said(port)
    other.close()
    wait.until(lambda: _same(b"hello", said(port)), deadline_s=1, service="link", awaited="an echo")


def test_sigterm_ends_it(board: tuple[int, int, subprocess.Popen[bytes]]) -> None:
    """With exit status 0; whoever gives orders then is told."""
    control, _, process = board
    there = ProxyDaemonClient(control)
    process.send_signal(signal.SIGTERM)
    assert 0 == process.wait(10)
    with pytest.raises(KitError, match=r"The links between the services (are gone|gave no answer)"):
        there.order("fired", fault=0)
    there.close()
    with pytest.raises(KitError, match="links between the services cannot be reached: Connection refused"):
        ProxyDaemonClient(control)
