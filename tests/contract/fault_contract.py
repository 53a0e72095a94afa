"""
What every fault promises to a client of a service: one suite, run by each `test_faults_<service>.py`.

A test file imports these tests (`from fault_contract import *`) and gives the fixtures `server`, the service
as a test breaks it, and `store`, a client of it as a student would make it, which says how its errors look.
"""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from pytest_labkit.faults.servers import Server, ServerFault


class Store(Protocol):
    """A client through the link, which tries nothing twice and waits a second or two; it keeps one number."""

    broken: Any
    """What it raises where the connection is refused or reset."""
    broken_by: str
    late: Any
    """What it raises where nobody answers."""
    late_by: str
    kept: bool
    """Whether what was put outlives a kill."""

    def put(self, value: int) -> None:
        """Set the number."""
        ...

    def get(self) -> int | None:
        """The number; `None` if there is none, or none any more."""
        ...

    def put_past(self, value: int) -> None:
        """Set the number by the kit's own client, which goes past the link."""
        ...

    def get_past(self) -> int | None:
        """The number, past the link."""
        ...


def test_the_link_is_a_way_of_its_own(server: Server, store: Store) -> None:
    """The environment leads through it, the endpoint past it; an outage of the link loses nothing."""
    store.put(1)
    with server.refuse():
        with pytest.raises(store.broken, match=store.broken_by):
            store.put(2)
        assert 1 == store.get_past()
        store.put_past(3)
    assert 3 == store.get()


def test_a_blackhole_makes_a_client_time_out(server: Server, store: Store) -> None:
    """Nothing was done, and the same client works when it is over."""
    store.put(1)
    with server.blackhole() as hole:
        with pytest.raises(store.late, match=store.late_by):
            store.put(2)
        assert hole.fired > 0
        assert 1 == store.get_past()
    store.put(3)
    assert 3 == store.get()


def test_a_reply_in_a_blackhole_is_no_lost_request(server: Server, store: Store) -> None:
    """The write was done, the reply never came."""
    with server.blackhole("downstream"), pytest.raises(store.late, match=store.late_by):
        store.put(2)
    assert 2 == store.get_past()
    assert 2 == store.get()


def test_a_lost_reply_is_no_lost_request(server: Server, store: Store) -> None:
    """The write was done, and its caller hears of a broken connection."""
    store.put(1)
    with server.limit_data() as lost, pytest.raises(store.broken, match=store.broken_by):
        store.put(2)
    assert 1 == lost.fired
    assert 2 == store.get_past()
    assert 2 == store.get()


def test_a_killed_service_has_lost_what_it_kept_in_memory(server: Server, store: Store) -> None:
    """It is refused meanwhile, and works when the fault is over, without a word to the client."""
    store.put(1)
    with server.killed(), pytest.raises(store.broken, match=store.broken_by):
        store.get()
    assert (1 if store.kept else None) == store.get()


def test_a_crash_loses_nothing(server: Server, store: Store) -> None:
    """It is killed where its data outlives that, and else cannot be reached meanwhile."""
    store.put(1)
    with server.crashed() as crash, pytest.raises(store.broken, match=store.broken_by):
        store.get()
    assert 1 == store.get()
    assert store.kept == isinstance(crash, ServerFault)


def test_a_paused_service_keeps_all(server: Server, store: Store) -> None:
    """It answers nobody meanwhile."""
    store.put(1)
    with server.paused(), pytest.raises(store.late, match=store.late_by):
        store.get()
    assert 1 == store.get()


def test_a_restart_is_over_when_it_returns(server: Server, store: Store) -> None:
    """Without what was in memory."""
    store.put(1)
    server.restart()
    assert (1 if store.kept else None) == store.get()


@pytest.mark.parametrize("name", ["killed", "paused"])
def test_it_is_mended_when_the_test_raises(server: Server, store: Store, name: str) -> None:
    """A student's failure is not the service's."""
    seen = (store.broken, store.broken_by) if name == "killed" else (store.late, store.late_by)
    with pytest.raises(seen[0], match=seen[1]), getattr(server, name)():
        store.get()
    assert server._services.healthy(server._group)
    store.get()
