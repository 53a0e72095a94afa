"""What faults say of bytes: pure arithmetic, without a socket."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from pytest_labkit.faults.tcp.fault import DIRECTIONS, HELD, NEVER, TcpFault
from pytest_labkit.faults.tcp.faults import (
    KINDS,
    Bandwidth,
    Blackhole,
    Latency,
    LimitData,
    LoseReply,
    Refuse,
    ResetPeer,
    Stall,
)


class Port:
    """A port that notes what is done to it; *connections* of them are there to be reset."""

    def __init__(self, *faults: TcpFault, connections: int = 0) -> None:
        self.faults: Sequence[TcpFault] = faults
        self.connections = connections
        self.done: list[str] = []

    def listen(self) -> None:
        """Accept connections."""
        self.done.append("listen")

    def stop_listening(self) -> None:
        """Refuse connections."""
        self.done.append("stop listening")

    def reset_all(self) -> int:
        """Reset every connection."""
        self.done.append("reset all")
        return self.connections

    def reset_half_closed(self) -> None:
        """Reset those that are closed on one side."""
        self.done.append("reset half closed")


@pytest.mark.parametrize(
    ("after", "since", "free"), [(0, 0, 0), (3, 0, 3), (3, 2, 1), (3, 3, 0), (3, 4, 0), (3, 1_000_000, 0)]
)
def test_a_blackhole_spares_the_first_bytes(after: int, since: int, free: int) -> None:
    """Counted from its beginning; never less than none."""
    assert free == Blackhole(after).free(since)


@pytest.mark.parametrize(("after", "since", "room"), [(0, 0, 0), (4, 0, 4), (4, 4, 0), (4, 6, -2)])
def test_limit_data_has_room_for_so_many_bytes(after: int, since: int, room: int) -> None:
    """Less than none says that more than so many have passed."""
    assert room == LimitData(after).room(since)


def test_no_other_kind_counts_the_bytes_of_a_connection() -> None:
    """None is spared, and none breaks it."""
    others = [Latency(1), Bandwidth(1), Stall(), ResetPeer(), Refuse(), LoseReply("Produce", 1)]
    assert {0} == {fault.free(since) for fault in [*others, LimitData(4)] for since in (0, 5)}
    assert {math.inf} == {fault.room(since) for fault in [*others, Blackhole(4)] for since in (0, 5)}


def test_bandwidth_is_a_queue() -> None:
    """Bytes leave one after the other, and not before they have come; at most 50 ms of them are one piece."""
    narrow = Bandwidth(1000)
    assert 50 == narrow.piece
    assert [0.5, 1.0, 5.1] == [narrow.due(500, 0.0), narrow.due(500, 0.2), narrow.due(100, 5.0)]
    assert 3 == narrow.fired


def test_a_stall_holds_and_a_blackhole_swallows() -> None:
    """The one until it is lifted, the other for ever."""
    assert HELD == Stall().due(1, 0.0)
    assert NEVER is Blackhole().due(1, 0.0)


def test_only_reset_peer_admits_nobody() -> None:
    """And counts whom it has turned away."""
    fault = ResetPeer()
    assert not fault.admits()
    assert 1 == fault.fired
    others = [Latency(1), Bandwidth(1), Stall(), Blackhole(), LimitData(0), Refuse(), LoseReply("Fetch", 1)]
    assert all(other.admits() for other in others)


def test_faults_on_connections_count_those_that_were_there() -> None:
    """On every port that they lie on."""
    for fault, done in ((ResetPeer(), ["reset all"]), (Refuse(), ["stop listening", "reset all"])):
        ports = [Port(fault, connections=2), Port(fault, connections=1)]
        fault.begin(ports)
        assert [done, done] == [port.done for port in ports]
        assert 3 == fault.fired


def test_the_last_refusal_to_end_listens_again() -> None:
    """One that is lifted leaves the other."""
    one, other = Refuse(), Refuse()
    port = Port(other)
    one.end([port])
    assert [] == port.done
    port.faults = ()
    other.end([port])
    assert ["listen"] == port.done


def test_the_end_of_a_blackhole_is_the_end_of_the_half_closed() -> None:
    """Who could not hear that the other side has gone hears of it now."""
    port = Port()
    Blackhole().end([port])
    assert ["reset half closed"] == port.done


def test_so_many_replies_are_lost() -> None:
    """`None` loses all of them."""
    two, all_ = LoseReply("Produce", 2), LoseReply("Produce", None)
    assert [True, True, False, False] == [two.takes() for _ in range(4)]
    assert [True] * 4 == [all_.takes() for _ in range(4)]
    assert (2, 4) == (two.fired, all_.fired)


def test_directions_are_both_unless_said() -> None:
    """A lost reply is one of the server's; every kind is known by its Toxiproxy name, or its own."""
    assert DIRECTIONS == Latency(1).directions
    assert {"downstream"} == LoseReply("Produce", 1).directions
    assert ["bandwidth", "blackhole", "latency", "limit_data", "lose_reply"] == sorted(KINDS)[:5]
    assert ["refuse", "reset_peer", "stall"] == sorted(KINDS)[5:]
