"""A child ends with whoever started it, however that ended, and no later than its parent wants."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from pytest_labkit.host.children import Child

SOON_S = 5.0  # on a busy machine; the child itself looks at once, or each second


def written(folder: Path, name: str, code: str) -> dict[str, str]:
    """The environment in which the module *name* is *code*."""
    (folder / f"{name}.py").write_text(dedent(code))
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.fixture
def waiting(tmp_path: Path) -> dict[str, str]:
    """The environment of a module `waiting`, which ends with its parent and does nothing else."""
    code = """
        import os, signal, time
        from pytest_labkit.host import children
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        children.end_with_parent()
        print(os.getpid(), flush=True)
        time.sleep(60)
    """
    return written(tmp_path, "waiting", code)


def until(condition: Callable[[], bool]) -> bool:
    """Wait for *condition*, `False` if it does not come true soon."""
    end = time.monotonic() + SOON_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def test_a_child_is_a_program_in_a_session_of_its_own(waiting: dict[str, str]) -> None:
    """Ctrl-C at the terminal does not reach it."""
    child = Child("waiting", env=waiting, stdout=subprocess.PIPE)
    assert child.pid == int(child.answers.readline())
    assert child.pid == os.getsid(child.pid)
    child.end()
    assert 1 == child.returncode


def test_end_is_at_once(waiting: dict[str, str]) -> None:
    """It hears of the end of its input, and is not killed."""
    child = Child("waiting", env=waiting, stdout=subprocess.PIPE)
    child.answers.readline()
    began = time.monotonic()
    child.end()
    assert SOON_S > time.monotonic() - began
    assert 1 == child.returncode


def test_a_child_that_does_not_end_is_killed(tmp_path: Path) -> None:
    """Whoever wants it to end does not wait for ever."""
    environ = written(tmp_path, "deaf", "import time; print(flush=True); time.sleep(60)")
    child = Child("deaf", env=environ, stdout=subprocess.PIPE)
    child.answers.readline()
    child.end(within_s=0.1)
    assert -signal.SIGKILL == child.returncode


def test_what_is_sent_is_not_taken(tmp_path: Path) -> None:
    """A child may read its standard input, and is told of its end all the same."""
    code = """
        import sys, time
        from pytest_labkit.host import children
        children.end_with_parent()
        print(sys.stdin.readline(), end="", flush=True)
        time.sleep(60)
    """
    child = Child("reading", env=written(tmp_path, "reading", code), stdout=subprocess.PIPE)
    child.send(b"hello\nmore\n")
    assert b"hello\n" == child.answers.readline()
    child.end()
    assert 1 == child.returncode


def test_a_child_may_end_in_its_own_way(tmp_path: Path) -> None:
    """It has something to put right first."""
    code = """
        import threading
        from pytest_labkit.host import children
        over = threading.Event()
        children.end_with_parent(over.set)
        print(flush=True)
        over.wait(60)
    """
    child = Child("polite", env=written(tmp_path, "polite", code), stdout=subprocess.PIPE)
    child.answers.readline()
    child.end()
    assert 0 == child.returncode


STARTER = """
    import os, subprocess, time
    from pytest_labkit.host.children import Child
    child = Child("waiting", stdout=subprocess.PIPE)
    child.answers.readline()
    holder = os.fork() if {forks} else 0
    if holder or not {forks}:
        print(child.pid, holder, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("forks", [False, True], ids=["alone", "with a process that it forked"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_ends_with_its_parent(waiting: dict[str, str], number: int, forks: bool) -> None:
    """Also when that is killed, and has forked a process that holds on to what it inherited."""
    code = dedent(STARTER.format(forks=forks))
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=waiting)
    assert parent.stdout is not None
    child, holder = map(int, parent.stdout.readline().split())
    try:
        assert psutil.pid_exists(child)
        parent.send_signal(number)
        parent.wait()
        assert until(lambda: not psutil.pid_exists(child))
        assert not forks or psutil.pid_exists(holder)
    finally:
        if holder:
            os.kill(holder, signal.SIGKILL)
        parent.stdout.close()
