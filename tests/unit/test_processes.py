"""Processes are told apart, started apart from the terminal, and ended with their children."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pytest_labkit.host import concurrently, processes
from pytest_labkit.services import guard


def eventually(look: Callable[[], bool], *, within_s: float = 10) -> bool:
    """Whether *look* becomes true in time."""
    deadline = time.monotonic() + within_s
    while not (true := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return true


def python(code: str, folder: Path, **environ: str) -> subprocess.Popen[bytes]:
    """A process that runs *code*, started as services are."""
    environ = {"PATH": os.environ["PATH"], **environ}
    return processes.spawn([sys.executable, "-c", code], folder=folder, log=folder / "log", environ=environ)


def test_a_process_is_found_by_its_identity() -> None:
    """This one is."""
    found = processes.find(processes.identity())
    assert found is not None
    assert os.getpid() == found.pid


def test_a_number_that_was_given_again_is_another_process() -> None:
    """The same number with another start time leads nowhere."""
    assert processes.find({"pid": os.getpid(), "started": 1.0}) is None


def test_the_status_of_a_process_whose_first_thread_ended_first() -> None:
    """It is a zombie then, and has no status yet: that is waited for."""
    program = """
import ctypes, os, threading, time
threading.Thread(target=lambda: (time.sleep(0.5), os._exit(3))).start()
ctypes.CDLL(None).pthread_exit(None)
"""
    with subprocess.Popen([sys.executable, "-c", program]) as child:
        process = psutil.Process(child.pid)
        assert eventually(lambda: process.status() == psutil.STATUS_ZOMBIE)
        assert child.poll() is None
        assert 3 == processes.exit_status(child)


def test_a_child_sees_only_what_any_program_needs(tmp_path: Path) -> None:
    """JAVA_TOOL_OPTIONS and the like stay outside; output goes to the log; the session is its own."""
    code = "import os; print(sorted(os.environ), os.getsid(0) == os.getpid())"
    child = python(code, tmp_path, LANG="C", JAVA_TOOL_OPTIONS="-Xmx1m", KAFKA_OPTS="x", AWS_PROFILE="x")
    assert 0 == child.wait(20)
    (line,) = processes.tail(tmp_path / "log", 5)
    assert "JAVA_TOOL_OPTIONS" not in line
    assert "KAFKA_OPTS" not in line
    assert "AWS_PROFILE" not in line
    assert "'PATH'" in line
    assert line.endswith("True")


def test_stop_ends_a_stubborn_process_and_its_children(tmp_path: Path) -> None:
    """A child of a process that ignores TERM goes too, after the time that was granted."""
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('ready', flush=True); time.sleep(60)\n"
    )
    child = python(code, tmp_path)
    assert eventually(lambda: processes.tail(tmp_path / "log", 1) == ["ready"])
    identity = processes.identity(child.pid)
    (grandchild,) = psutil.Process(child.pid).children()
    processes.stop([identity], grace_s=0.2)
    assert -9 == child.wait(5)
    assert processes.find(identity) is None
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE


def test_a_port_in_use_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two ports, one of which is taken, the other is given; two are not to be had."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(processes, "_PORTS", range(port, port + 1))
        with pytest.raises(OSError, match=f"fewer than 1 ports are free from {port} to {port}"):
            processes.free_ports(1)
        assert processes.listens(os.getpid(), port)
    assert not processes.listens(os.getpid(), port)


def test_free_ports_differ_and_lie_below_those_of_outgoing_connections() -> None:
    """Ten at once, below 32768."""
    ports = processes.free_ports(10)
    assert 10 == len(set(ports))
    assert max(ports) < 32768


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    """Oldest first, of a log of any length, with bytes that are no text; none if it does not exist."""
    (tmp_path / "log").write_bytes(b"x" * 200_000 + b"\none\n\xff\n")
    assert ["one", "�"] == processes.tail(tmp_path / "log", 2)
    assert [] == processes.tail(tmp_path / "nowhere", 2)


def note(folder: Path, data: Path, service: subprocess.Popen[bytes], owner: processes.Identity) -> Path:
    """A note as a run writes it; no guard is started."""
    file = guard.new_note(folder, "redis")
    file.parent.mkdir(parents=True, exist_ok=True)
    told = {"service": "redis", "processes": [processes.identity(service.pid)], "folder": str(data)}
    guard.replace_file(file, {"owner": owner, **told})
    return file


def test_a_sweep_ends_what_has_lost_its_owner(tmp_path: Path) -> None:
    """Its process is killed, its folder and its note are gone; what has an owner is left alone."""
    data = tmp_path / "labkit-redis-1"
    data.mkdir()
    orphan, owned = (
        python("import time; time.sleep(60)", tmp_path),
        python("import time; time.sleep(60)", tmp_path),
    )
    lost = note(tmp_path, data, orphan, {"pid": os.getpid(), "started": 1.0})
    kept = note(tmp_path, tmp_path / "labkit-redis-2", owned, processes.identity())
    assert ["redis"] == guard.sweep(guard.folder(tmp_path))
    assert -9 == orphan.wait(5)
    assert not lost.exists()
    assert not data.exists()
    assert kept.exists()
    assert owned.poll() is None
    owned.kill()
    owned.wait(5)


def test_a_sweep_removes_no_folder_but_a_service_s(tmp_path: Path) -> None:
    """A note that was tampered with cannot have the home folder removed."""
    home = tmp_path / "home"
    home.mkdir()
    child = python("pass", tmp_path)
    note(tmp_path, home, child, {"pid": os.getpid(), "started": 1.0})
    child.wait(20)
    guard.sweep(guard.folder(tmp_path))
    assert home.is_dir()


def test_a_note_that_cannot_be_read_is_thrown_away(tmp_path: Path) -> None:
    """It does not stop the sweep."""
    file = guard.new_note(tmp_path, "redis")
    file.parent.mkdir(parents=True)
    file.write_text("{")
    assert [] == guard.sweep(guard.folder(tmp_path))
    assert not file.exists()


def test_each_raises_the_first_error_once_all_have_ended() -> None:
    """The others are not cut off, and no further one is begun."""
    ended = []

    def work(number: int) -> None:
        if number == 1:
            raise ValueError("one")
        time.sleep(0.05)
        ended.append(number)

    with pytest.raises(ValueError, match="one"):
        concurrently.each(work, [0, 1, 2, 3], at_once=2)
    assert [0] == ended


def test_each_runs_all_side_by_side() -> None:
    """Three that wait for one another come through; nothing to do is done at once."""
    barrier = threading.Barrier(3)
    concurrently.each(lambda _: barrier.wait(10), range(3))
    concurrently.each(lambda _: None, [])
