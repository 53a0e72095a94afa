"""Whose a container is: what the sweep may take, judged by labels alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_labkit.host.settings import Settings
from pytest_labkit.services.docker.owner import labels, may_go

HERE = Settings(root=Path("/course"), environ={})


@pytest.fixture
def dead() -> dict[str, str]:
    """The labels of a container whose owner has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass
    return {**labels(HERE, "redis", keep=False), "labkit.owner_pid": str(child.pid)}


def test_labels_name_checkout_machine_and_process() -> None:
    """A container says whose it is to any later process."""
    marks = labels(HERE, "redis", keep=False)
    assert ("/course", socket.gethostname(), str(os.getpid())) == (
        marks["labkit.root"],
        marks["labkit.host"],
        marks["labkit.owner_pid"],
    )


def test_what_a_worker_starts_belongs_to_the_whole_run() -> None:
    """Workers of pytest-xdist share services, and one of them may end before the others."""
    worker = Settings(root=Path("/course"), environ={"PYTEST_XDIST_WORKER": "gw0"})
    assert str(os.getppid()) == labels(worker, "redis", keep=False)["labkit.owner_pid"]


def test_the_living_owner_keeps_it() -> None:
    """What a running process owns stays."""
    assert may_go(labels(HERE, "redis", keep=False)) is False


def test_the_dead_owner_loses_it(dead: dict[str, str]) -> None:
    """What a killed process left goes."""
    assert may_go(dead) is True


def test_a_reused_process_number_does_not_protect_it() -> None:
    """The number alone says nothing: another process may have been given it since."""
    assert may_go({**labels(HERE, "redis", keep=False), "labkit.owner_started": "1.0"}) is True


def test_what_up_keeps_needs_another_owner_than_up(dead: dict[str, str]) -> None:
    """`labkit up` has ended long since: it is the state file that keeps it, and labels do not know that."""
    assert may_go({**dead, "labkit.run": "kept"}) is True
    assert may_go(labels(HERE, "redis", keep=True)) is False  # it is about to be written there


def test_what_up_keeps_goes_when_up_starts_it_anew(dead: dict[str, str]) -> None:
    """Even what is in no state file any more; the other services that are kept stay."""
    kept = {**dead, "labkit.run": "kept"}
    assert (True, False) == (may_go(kept, kept="redis"), may_go(kept, kept="kafka"))


@pytest.mark.parametrize("marks", [{}, {"labkit.owner_pid": "many", "labkit.owner_started": "once"}])
def test_labels_of_another_version_are_left_alone(marks: dict[str, str]) -> None:
    """Nothing is removed on a guess."""
    assert may_go(marks) is False
