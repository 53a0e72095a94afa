"""
Processes of this machine, told apart from later ones that were given the same number.

Knows no service. A process is identified by its number and the time it started, so that what was
written down about it an hour ago never leads to another process.
"""

from __future__ import annotations

import atexit
import random
import re
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

import psutil

# What a server may see of the student's environment: nothing that changes what it does
# (JAVA_TOOL_OPTIONS, KAFKA_OPTS, AWS_PROFILE …), only what a program needs to run at all.
_INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT")

# Below the range that Linux (32768) and macOS (49152) take the ports of outgoing connections from.
_PORTS = range(20000, 32768)


class Identity(TypedDict):
    """A process: its number, and when it started in seconds since the epoch."""

    pid: int
    started: float


def identity(pid: int | None = None) -> Identity:
    """The identity of process *pid*, of this one if `None`; `psutil.NoSuchProcess` if there is none."""
    process = psutil.Process(pid)
    return {"pid": process.pid, "started": process.create_time()}


def find(identity: Identity) -> psutil.Process | None:
    """The process with this identity, `None` if it has ended."""
    try:
        process = psutil.Process(identity["pid"])
        # The clock may have been set since; a number is not given again within two seconds.
        same = abs(process.create_time() - identity["started"]) < 2.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def exit_status(child: subprocess.Popen[bytes], grace_s: float = 2.0) -> int | None:
    """
    The exit status of *child*, `None` while it runs.

    A process is a zombie as soon as its first thread has ended, and has a status when all have: that is
    waited for.
    """
    status = child.poll()
    if status is None:
        with suppress(psutil.NoSuchProcess, subprocess.TimeoutExpired):
            if psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE:
                status = child.wait(grace_s)
    return status


def tag(identity: Identity) -> str:
    """*identity* as a part of a file's name, which `owner_of` reads again: `4711-1732371234.56`."""
    return f"{identity['pid']}-{identity['started']:.2f}"


_TAG = re.compile(r"-(\d+)-(\d+\.\d\d)(?=[-.])")


def owner_of(name: str) -> Identity | None:
    """The process whose tag stands in the file name *name*, between `-` and `-` or `.`; `None` if none."""
    found = _TAG.search(name)
    return Identity(pid=int(found[1]), started=float(found[2])) if found else None


def working_in(folder: Path) -> list[Identity]:
    """The processes of this user whose current folder is *folder*."""
    place, found = str(folder.resolve()), []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.cwd() == place:
                found.append(identity(process.pid))
    return found


def spawn(
    command: Sequence[str], *, folder: Path, log: Path, environ: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """
    Start *command* in *folder*, in a session of its own, writing to the file *log*.

    Ctrl-C at the terminal does not reach it: it ends when the kit stops it. Of *environ* it gets
    only what any program needs.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env={name: environ[name] for name in _INHERITED if name in environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


_outliving: list[subprocess.Popen[bytes]] = []


def outlives(child: subprocess.Popen[bytes]) -> None:
    """*child* is meant to go on after this process: Python, which would warn of that, is told."""
    _outliving.append(child)
    atexit.register(setattr, child, "returncode", 0)


def stop(identities: Iterable[Identity], *, grace_s: float) -> None:
    """End these processes and their children: asked to, then killed after *grace_s* s; with 0 just killed."""
    found = [process for identity in identities if (process := find(identity))]
    tree = [*found, *(child for process in found for child in _children(process))]
    for send, wait_s in (("terminate", grace_s), ("kill", 5.0))[grace_s <= 0 :]:
        for process in tree:
            with suppress(psutil.NoSuchProcess):
                getattr(process, send)()
        tree = _still_running(tree, wait_s)


def _still_running(tree: list[psutil.Process], wait_s: float) -> list[psutil.Process]:
    """Those of *tree* that have not ended after *wait_s* seconds, or sooner once all have."""
    deadline = time.monotonic() + wait_s
    while (tree := [p for p in tree if _runs(p)]) and time.monotonic() < deadline:
        time.sleep(0.005)
    return tree


def wait_for_end(process: psutil.Process, seconds: float) -> None:
    """Wait until *process* has ended; `TimeoutError` if it still runs after *seconds*."""
    if _still_running([process], seconds):
        raise TimeoutError(f"process {process.pid} still runs {seconds:g} s after it was killed")


def _runs(process: psutil.Process) -> bool:
    try:
        # A zombie has ended; whose child it was has yet to hear of it.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def wait_for_halt(process: psutil.Process, deadline_s: float) -> None:
    """Return once every thread of *process*, which was sent SIGSTOP, has stopped; each does so by itself."""
    deadline = time.monotonic() + deadline_s
    while not _halted(process) and time.monotonic() < deadline:
        time.sleep(0.001)


def _halted(process: psutil.Process) -> bool:
    if not psutil.LINUX:  # elsewhere only the process as a whole has a state
        return bool(process.status() == psutil.STATUS_STOPPED)
    states = []
    for thread in Path(f"/proc/{process.pid}/task").glob("*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            states.append(thread.read_text().rpartition(")")[2].split()[0])
    return all(state in "TXZ" for state in states)


def listens(pid: int, port: int) -> bool:
    """Whether process *pid* itself listens on TCP *port* of 127.0.0.1: no other that was there first."""
    try:  # knocking comes first, because to look through the sockets of a process takes far longer
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.NoSuchProcess:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections)


def free_ports(count: int) -> list[int]:
    """
    *count* ports of 127.0.0.1 that are free at this moment, below the range of outgoing connections.

    Another program can take one before it is used: whoever starts a server on it has to be ready to
    try again with another.
    """
    found: list[int] = []
    for port in random.sample(_PORTS, k=len(_PORTS)):
        if len(found) == count:
            return found
        if _is_free(port):
            found.append(port)
    raise OSError(f"fewer than {count} ports are free from {_PORTS.start} to {_PORTS.stop - 1}")


def _is_free(port: int) -> bool:
    # Bound on all interfaces: a server there would be reached at 127.0.0.1 too.
    with socket.socket() as candidate:
        try:
            candidate.bind(("", port))
        except OSError:
            return False
        return True


def tail(log: Path, lines: int) -> list[str]:
    """The last *lines* lines of the file *log*, oldest first; empty if there is no such file."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 64 * 1024))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except OSError:
        return []
