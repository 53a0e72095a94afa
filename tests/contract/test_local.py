"""The contract of services, kept by ordinary processes of this machine; and what only they promise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import psutil
import pytest
from service_contract import *  # noqa: F403
from service_contract import EACH, Start

from pytest_labkit.host import processes
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import Running, local


@pytest.fixture
def backend() -> ModuleType:
    """Processes of this machine."""
    return local


@pytest.fixture
def kill() -> Callable[[Running], None]:
    """Kills the first process of a service, and waits until it has gone."""

    def kill(running: Running) -> None:
        first = running.describe()["processes"][0]
        psutil.Process(first["pid"]).kill()
        processes.stop([first], grace_s=5)

    return kill


@pytest.fixture
def doomed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A `redis-server` on PATH that says something and ends with status 3."""
    server = tmp_path / "bin" / "redis-server"
    server.parent.mkdir()
    server.write_text("#!/bin/sh\necho cannot go on\nexit 3\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(server.parent))
    return "cannot go on"


@pytest.mark.parametrize("service", EACH)
def test_it_leaves_neither_process_nor_folder(start: Start, settings: Settings, service: str) -> None:
    """After stop its processes, its data and its note are gone."""
    running = start(service)
    told = running.describe()
    assert all(processes.find(process) for process in told["processes"])
    assert Path(told["folder"]).is_dir()
    assert Path(told["note"]).is_file()
    running.stop()
    assert [None] == [processes.find(process) for process in told["processes"]]
    assert not Path(told["folder"]).exists()
    assert not Path(told["note"]).exists()


@pytest.mark.parametrize("service", EACH)
def test_it_listens_on_loopback_only(start: Start, service: str) -> None:
    """No other machine can reach it."""
    (process,) = start(service).describe()["processes"]
    connections = psutil.Process(process["pid"]).net_connections(kind="tcp")
    listening = {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
    assert {"127.0.0.1"} == {address.removeprefix("::ffff:") for address in listening}
