"""What each fault on a link does to connections made before, during and after it, and that it is undone."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from textwrap import dedent
from typing import Self

import psutil
import pytest
from freezegun import freeze_time

from pytest_labkit.domain.errors import KitError
from pytest_labkit.faults.link import Direction, Link
from pytest_labkit.faults.process import ProxyProcess
from pytest_labkit.faults.tcp.faults import Latency
from pytest_labkit.faults.undo import Fault, undo_all

SOON_S = 0.3  # silence for so long is silence
DEADLINE_S = 10.0


class Echo(socketserver.ThreadingTCPServer):
    """A server that sends back what it gets, and remembers it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        self.got = bytearray()
        super().__init__(("127.0.0.1", 0), _Echo)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class _Echo(socketserver.BaseRequestHandler):
    server: Echo

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.request.recv(65536):
                self.server.got += data
                self.request.sendall(data)


class Client:
    """A connection that asks and waits for the answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(DEADLINE_S)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, text: bytes) -> bytes:
        """Send *text*, and give as many bytes as come back for it."""
        self.socket.sendall(text)
        return self.read(len(text))

    def read(self, count: int) -> bytes:
        """The next *count* bytes, or fewer if the server has no more."""
        found = b""
        while len(found) < count and (data := self.socket.recv(count - len(found))):
            found += data
        return found

    def is_silent(self) -> bool:
        """Whether nothing comes, and the connection stays."""
        self.socket.settimeout(SOON_S)
        try:
            self.socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(DEADLINE_S)
        return False

    def is_reset(self) -> bool:
        """Whether the connection has been reset, not closed."""
        try:
            self.socket.recv(1)
        except ConnectionResetError:
            return True
        return False


def is_reset_at_once(connect: Callable[[], Client]) -> bool:
    """Whether a new connection is reset, be it before *connect* knows that it has been made."""
    try:
        with connect() as client:
            return client.is_reset()
    except ConnectionResetError:
        return True


def until(condition: Callable[[], bool]) -> bool:
    """Wait for *condition*, `False` if it does not come true in time."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


@pytest.fixture(scope="module")
def relay() -> Iterator[ProxyProcess]:
    """One relay for all tests, as for a run."""
    made = ProxyProcess()
    yield made
    made.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    """A running echo server."""
    with Echo() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def active() -> list[Fault]:
    """The faults that are begun and not undone."""
    return []


@pytest.fixture
def port(relay: ProxyProcess, echo: Echo) -> Iterator[int]:
    """The port of the link to the echo server."""
    yield relay.order("open", group="echo", key="echo", host="127.0.0.1", port=echo.port, kafka=False)
    relay.order("close", group="echo")


@pytest.fixture
def link(relay: ProxyProcess, active: list[Fault], port: int) -> Link:
    """The link to the echo server."""
    return Link(relay, active, "echo", seed=407)


@pytest.fixture
def connect(port: int) -> Iterator[Callable[[], Client]]:
    """Connects through the link; closed in the end."""
    with contextlib.ExitStack() as after:

        def connect() -> Client:
            client = Client(port)
            after.callback(client.socket.close)
            return client

        yield connect


Connect = Callable[[], Client]


def test_without_a_fault_bytes_go_both_ways(connect: Connect) -> None:
    """Unchanged and in order, on several connections; the end of one direction is passed on."""
    one, other = connect(), connect()
    data = bytes(range(256)) * 40_000
    threading.Thread(target=one.socket.sendall, args=(data,), daemon=True).start()
    assert b"hello" == other.ask(b"hello")
    assert data == one.read(len(data))
    other.socket.shutdown(socket.SHUT_WR)
    assert b"" == other.read(1)


def test_a_server_that_is_not_there_resets(relay: ProxyProcess, echo: Echo) -> None:
    """A client of a link to nowhere does not wait."""
    echo.server_close()
    port = relay.order("open", group="nowhere", key="x", host="127.0.0.1", port=echo.port, kafka=False)
    assert is_reset_at_once(lambda: Client(port))
    relay.order("close", group="nowhere")


def test_a_client_that_resets_resets_the_server(connect: Connect, relay: ProxyProcess) -> None:
    """The end of a connection is passed on as it was."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = relay.order(
            "open", group="s", key="s", host="127.0.0.1", port=server.getsockname()[1], kafka=False
        )
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        with accepted, pytest.raises(ConnectionResetError, match="reset"):
            accepted.recv(1)
        relay.order("close", group="s")


@pytest.mark.parametrize(("direction", "at_least"), [("upstream", 0.5), ("downstream", 0.5), ("both", 1.0)])
def test_delay_is_on_each_way(connect: Connect, link: Link, direction: Direction, at_least: float) -> None:
    """On a connection from before and on a new one; afterwards both are as quick as ever."""
    before = connect()
    with link.latency(0.5, direction=direction) as fault:
        for client in (before, connect()):
            began = time.monotonic()
            assert b"hello" == client.ask(b"hello")
            assert at_least <= time.monotonic() - began < at_least + 0.5
    assert fault.fired >= 2
    began = time.monotonic()
    assert b"hello" == before.ask(b"hello")
    assert time.monotonic() - began < 0.5


def test_delay_is_no_limit(connect: Connect, link: Link) -> None:
    """Twenty requests sent one after the other are all late once, not twenty times."""
    client = connect()
    with link.latency(0.5, direction="upstream"):
        began = time.monotonic()
        for number in range(20):
            client.socket.sendall(b"%02d" % number)
            time.sleep(0.005)
        assert b"".join(b"%02d" % number for number in range(20)) == client.read(40)
        assert time.monotonic() - began < 5.0


def test_a_delay_that_is_lifted_lets_go_of_what_it_held(connect: Connect, link: Link) -> None:
    """Nobody waits for a fault that is over."""
    client = connect()
    with link.latency(60):
        client.socket.sendall(b"hello")
        assert client.is_silent()
    assert b"hello" == client.read(5)


def test_jitter_follows_from_the_seed() -> None:
    """The same seed gives the same delays, another one others; none is outside the bounds."""
    one, same, other = (Latency(0.2, jitter=0.1, seed=seed) for seed in (1, 1, 2))
    delays = [one.due(1, 0.0) for _ in range(100)]
    assert delays == [same.due(1, 0.0) for _ in range(100)]
    assert delays != [other.due(1, 0.0) for _ in range(100)]
    assert 0.1 <= min(delays) < 0.12 < 0.28 < max(delays) <= 0.3


def test_bytes_keep_their_order_under_jitter(connect: Connect, link: Link) -> None:
    """A stream stays a stream."""
    client = connect()
    with link.latency(0.02, jitter=0.02):
        for number in range(50):
            client.socket.sendall(b"%02d" % number)
            time.sleep(0.001)
        assert b"".join(b"%02d" % number for number in range(50)) == client.read(100)


def test_bandwidth_is_shared_by_all_connections(connect: Connect, link: Link) -> None:
    """Two connections of 50 KB each need two seconds for 50 KB/s."""
    one, other = connect(), connect()
    with link.bandwidth(50_000, direction="upstream"):
        began = time.monotonic()
        for client in (one, other):
            client.socket.sendall(b"x" * 50_000)
        assert 50_000 == len(one.read(50_000)) == len(other.read(50_000))
        assert 1.9 <= time.monotonic() - began < 4.0
    began = time.monotonic()
    one.ask(b"x" * 50_000)
    assert time.monotonic() - began < 0.9


def test_bytes_trickle_through_little_bandwidth(connect: Connect, link: Link) -> None:
    """The first of them come long before the last: whoever waits for any byte does not wait in vain."""
    client = connect()
    with link.bandwidth(10_000, direction="upstream"):
        client.socket.sendall(b"x" * 100_000)
        began = time.monotonic()
        client.read(1000)
        assert time.monotonic() - began < 5.0


def test_what_is_stalled_arrives_in_the_end(connect: Connect, link: Link) -> None:
    """As after a short partition: late, and whole."""
    before = connect()
    with link.stall():
        during = connect()
        for client in (before, during):
            client.socket.sendall(b"hello")
            assert client.is_silent()
    assert b"hello" == before.read(5) == during.read(5)


def test_a_stall_holds_up_a_sender_of_much(connect: Connect, link: Link, echo: Echo) -> None:
    """What is held is bounded; all of it arrives."""
    client = connect()
    data = b"x" * 20_000_000
    with link.stall("upstream") as fault:
        client.socket.settimeout(SOON_S)
        with pytest.raises(TimeoutError, match="timed out"):
            client.socket.sendall(data)
        assert 0 < fault.fired
    client.socket.settimeout(DEADLINE_S)
    assert until(lambda: len(echo.got) > 4_000_000)


def test_what_goes_into_a_hole_is_lost(connect: Connect, link: Link, echo: Echo) -> None:
    """The connection stays, and stays silent for good; others are well."""
    used, idle = connect(), connect()
    used.ask(b"a")
    with link.blackhole("upstream") as fault:
        used.socket.sendall(b"b")
        assert used.is_silent()
    assert 1 == fault.fired
    used.socket.sendall(b"c")
    assert used.is_silent()
    assert b"d" == idle.ask(b"d")
    assert b"e" == connect().ask(b"e")
    assert b"ade" == bytes(echo.got)


@pytest.mark.parametrize("pieces", [[b"abcdef"], [b"ab", b"cd", b"ef"], [b"abc", b"def"]])
def test_a_hole_may_begin_after_some_bytes(
    pieces: list[bytes], connect: Connect, link: Link, echo: Echo
) -> None:
    """The first so many bytes of each connection arrive, in whatever pieces they are sent, and no other."""
    used = connect()
    used.ask(b"_")
    with link.blackhole("upstream", after=3) as fault:
        for client in (used, connect()):
            for piece in pieces:
                client.socket.sendall(piece)
            assert b"abc" == client.read(3)
            assert client.is_silent()
        assert 2 <= fault.fired
    assert b"_abcabc" == bytes(echo.got)


def test_a_connection_that_ends_before_a_hole_begins_ends(connect: Connect, link: Link) -> None:
    """What is spared includes the end of a connection that has not sent as many bytes."""
    client = connect()
    with link.blackhole("upstream", after=3) as fault:
        assert b"ab" == client.ask(b"ab")
        client.socket.shutdown(socket.SHUT_WR)
        assert b"" == client.read(1)
    assert 0 == fault.fired


def test_a_hole_for_replies_lets_requests_through(connect: Connect, link: Link, echo: Echo) -> None:
    """The server has done what it was asked, and nobody hears of it."""
    client = connect()
    with link.blackhole("downstream"):
        client.socket.sendall(b"hello")
        assert client.is_silent()
        assert b"hello" == bytes(echo.got)
    assert client.is_silent()


def test_the_end_of_a_connection_does_not_leave_a_hole(relay: ProxyProcess, link: Link) -> None:
    """The server hears that its client has gone only when the hole is no more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = relay.order(
            "open", group="echo", key="t", host="127.0.0.1", port=server.getsockname()[1], kafka=False
        )
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.settimeout(SOON_S)
        with link.blackhole():
            client.close()
            with pytest.raises(TimeoutError, match="timed out"):
                accepted.recv(1)
        accepted.settimeout(DEADLINE_S)
        with pytest.raises(ConnectionResetError, match="reset"):
            accepted.recv(1)
        accepted.close()


def test_reset_breaks_what_is_there_and_what_comes(connect: Connect, link: Link) -> None:
    """With a reset, not an end of file; afterwards a new connection works."""
    before = connect()
    before.ask(b"hello")
    with link.reset_peer() as fault:
        assert before.is_reset()
        assert is_reset_at_once(connect)
    assert 2 == fault.fired
    assert b"hello" == connect().ask(b"hello")


def test_refuse_is_refused_by_the_kernel(connect: Connect, link: Link) -> None:
    """What is there is reset, what comes is refused; afterwards the same port answers."""
    before = connect()
    before.ask(b"hello")
    with link.refuse() as fault:
        assert before.is_reset()
        with pytest.raises(ConnectionRefusedError, match="refused"):
            connect()
    assert 1 == fault.fired
    assert b"hello" == connect().ask(b"hello")


def test_cut_lets_so_many_bytes_pass(connect: Connect, link: Link, echo: Echo) -> None:
    """Counted for each connection from the beginning of the fault; the next byte breaks it."""
    client = connect()
    client.ask(b"before")
    with link.limit_data(after=4) as fault:
        assert b"four" == client.ask(b"four")
        client.socket.sendall(b"five!")
        assert client.is_reset()
        other = connect()
        other.socket.sendall(b"sixsix")
        assert b"sixs" == other.read(4)
        assert other.is_reset()
    assert 2 == fault.fired
    assert b"beforefourfive!sixsix" == bytes(echo.got)
    assert b"seven" == connect().ask(b"seven")


FAULTS: list[Callable[[Link], Fault]] = [
    lambda link: link.latency(60),
    lambda link: link.bandwidth(1),
    lambda link: link.stall(),
    lambda link: link.blackhole(),
    lambda link: link.reset_peer(),
    lambda link: link.refuse(),
    lambda link: link.limit_data(),
]
NAMES = ["latency", "bandwidth", "stall", "blackhole", "reset_peer", "refuse", "limit_data"]


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_a_fault_is_undone_when_the_test_raises(
    connect: Connect, link: Link, active: list[Fault], fault: Callable[[Link], Fault]
) -> None:
    """And the next connection is as if nothing had been."""
    with pytest.raises(ZeroDivisionError, match="no luck"), fault(link):
        raise ZeroDivisionError("no luck")
    assert [] == active
    assert b"hello" == connect().ask(b"hello")


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_a_fault_that_was_left_is_undone_at_the_end(
    connect: Connect, link: Link, active: list[Fault], fault: Callable[[Link], Fault]
) -> None:
    """Whoever forgets the end of a fault does not hand it to the next test; undone twice is undone."""
    left = fault(link)
    left.__enter__()
    undo_all(active)
    left.undo()
    assert [] == active
    assert b"hello" == connect().ask(b"hello")


def test_faults_add_up(connect: Connect, link: Link) -> None:
    """Two delays are one long one; one that is lifted leaves the other."""
    client = connect()
    with link.latency(0.5, direction="upstream"):
        with link.latency(0.5, direction="upstream"):
            began = time.monotonic()
            client.ask(b"hello")
            assert time.monotonic() - began >= 1.0
        began = time.monotonic()
        client.ask(b"hello")
        assert 0.5 <= time.monotonic() - began < 1.0


def test_one_line_of_a_group_can_be_at_fault(relay: ProxyProcess, active: list[Fault], echo: Echo) -> None:
    """One broker of several, the others being well."""
    ports = [
        relay.order("open", group="g", key=key, host="127.0.0.1", port=echo.port, kafka=False)
        for key in ("1", "2")
    ]
    with Link(relay, active, "g", 0, key="2").refuse():
        with Client(ports[0]) as client:
            assert b"hello" == client.ask(b"hello")
        with pytest.raises(ConnectionRefusedError, match="refused"):
            Client(ports[1])
    relay.order("close", group="g")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda link: link.latency(0.1, jitter=0.2),
            "jitter=0.2: it has to be between 0 and 0.1, the latency",
        ),
        (lambda link: link.latency(-1), "jitter=0.0: it has to be between 0 and -1, the latency"),
        (lambda link: link.bandwidth(0), "bytes_per_s=0: it has to be positive"),
        (lambda link: link.limit_data(after=-1), "after=-1: a number of bytes is not negative"),
        (
            lambda link: link.blackhole("back"),
            "direction='back': it has to be 'both', 'upstream' or 'downstream'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(link: Link, make: Callable[[Link], Fault], message: str) -> None:
    """Before anything happens."""
    with pytest.raises(ValueError, match=message):
        make(link)


def test_a_relay_that_has_died_is_the_kits_fault(echo: Echo) -> None:
    """It says so, and the next order has a new one."""
    relay = ProxyProcess()
    relay.order("open", group="g", key="1", host="127.0.0.1", port=echo.port, kafka=False)
    assert relay._child is not None
    relay._child.kill()
    with pytest.raises(KitError, match="The relay in front of the services has ended"):
        relay.order("close", group="g")
    port = relay.order("open", group="g", key="1", host="127.0.0.1", port=echo.port, kafka=False)
    with Client(port) as client:
        assert b"hello" == client.ask(b"hello")
    relay.close()


def test_a_stopped_clock_stops_no_fault(connect: Connect, link: Link) -> None:
    """A test may freeze the time of its process; a delay is real all the same."""
    client = connect()
    began = time.monotonic()
    with freeze_time("2026-01-01"), link.latency(0.2, direction="upstream"):
        assert b"hello" == client.ask(b"hello")
    assert 0.2 <= time.monotonic() - began < 2.0


def test_a_relay_ends_with_its_parent() -> None:
    """Also when that is killed, and has a child that holds on to what it inherited."""
    code = """
        import os, time
        from pytest_labkit.faults.process import ProxyProcess
        relay = ProxyProcess()
        relay.order("open", group="g", key="k", host="127.0.0.1", port=9, kafka=False)
        child = os.fork()
        if child:
            print(relay._child.pid, child, flush=True)
        time.sleep(60)
    """
    parent = subprocess.Popen([sys.executable, "-c", dedent(code)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    relay, child = map(int, parent.stdout.readline().split())
    parent.kill()
    parent.wait()
    try:
        assert psutil.pid_exists(child)
        assert until(lambda: not psutil.pid_exists(relay))
    finally:
        os.kill(child, signal.SIGKILL)
        parent.stdout.close()


def test_what_cannot_be_undone_is_told_and_the_rest_is_undone(active: list[Fault]) -> None:
    """The kit's fault, so that no verdict follows."""
    done = []

    class Stubborn(Fault):
        def _begin(self) -> None:
            pass

        def _end(self) -> None:
            raise KitError("it will not start")

    class Good(Stubborn):
        def _end(self) -> None:
            done.append(self.name)

    for fault in (Good(active, "first"), Stubborn(active, "kill of redis"), Good(active, "last")):
        fault.__enter__()
    with pytest.raises(KitError, match=r"^kill of redis could not be undone: it will not start\nNo verdict"):
        undo_all(active)
    assert ["last", "first"] == done
    assert [] == active
