"""
The single processes and containers that a service is made of, to be killed, paused and started again.

A member knows nothing of what it serves: whether the service works again is for `probe` to say.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import psutil

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import processes
from pytest_labkit.host.processes import Identity

if TYPE_CHECKING:
    import subprocess

    from docker.models.containers import Container

_GONE_S = 10.0  # for the kernel to take away a process that was killed
_FREEZES, _AGAIN_S = 5, 0.2  # how often a busy container is tried to be frozen, and how long after


class Member(Protocol):
    """One process or container of a service; every method is safe to call twice."""

    def kill(self) -> None:
        """End it as the kernel does when memory runs out: SIGKILL, nothing is said or saved."""
        ...

    def start(self) -> None:
        """Start it again as it was, with what it had written to its disk; not waited for."""
        ...

    def pause(self) -> None:
        """Stop it in its tracks: its connections stay, and nobody answers."""
        ...

    def resume(self) -> None:
        """Let it go on as if nothing had happened."""
        ...


class ProcessMember:
    """
    A process of this machine that *command* started, to write to the file *log* in the folder that it is in.

    *replaced* is told the process that has taken its place.
    """

    def __init__(
        self,
        process: Identity,
        command: Sequence[str],
        log: Path,
        replaced: Callable[[subprocess.Popen[bytes]], None],
    ) -> None:
        self._identity = process
        self._command = command
        self._log = log
        self._replaced = replaced
        self._killed = False

    @property
    def pid(self) -> int:
        """Its number, of a process that may have ended."""
        return self._identity["pid"]

    def kill(self) -> None:
        """SIGKILL, and wait until it has gone."""
        if self._killed:
            return
        process = self._process()
        process.kill()
        self._killed = True
        processes.wait_for_end(process, _GONE_S)

    def start(self) -> None:
        """Start what has ended, in the same folder and with the same log."""
        if not self._killed and processes.find(self._identity) is not None:
            return
        child = processes.spawn(self._command, folder=self._log.parent, log=self._log, environ=os.environ)
        self._identity = processes.identity(child.pid)
        self._replaced(child)
        self._killed = False

    def pause(self) -> None:
        """SIGSTOP, and wait until the last of its threads has come to a halt."""
        process = self._process()
        process.suspend()
        processes.wait_for_halt(process, _GONE_S)

    def resume(self) -> None:
        """SIGCONT."""
        self._process().resume()

    def _process(self) -> psutil.Process:
        found = processes.find(self._identity)
        if found is None:
            raise KitError(f"The process behind {self._log.stem} has ended, and the kit did not end it.")
        return found


class ContainerMember:
    """A container; *look_up* connects to the daemon and finds it."""

    def __init__(self, look_up: Callable[[], AbstractContextManager[Container]]) -> None:
        self._look_up = look_up

    def kill(self) -> None:
        """SIGKILL to its first process."""
        with self._look_up() as container:
            if container.attrs["State"]["Running"]:
                container.kill("SIGKILL")
                container.wait(timeout=_GONE_S)

    def start(self) -> None:
        """Start it again: on the same port, with its own disk."""
        with self._look_up() as container:
            container.start()

    def pause(self) -> None:
        """Freeze all its processes."""
        with self._look_up() as container:
            if not container.attrs["State"]["Paused"]:
                _pause(container)

    def resume(self) -> None:
        """Thaw them."""
        with self._look_up() as container:
            if container.attrs["State"]["Paused"]:
                container.unpause()


def _pause(container: Container) -> None:
    """Pause *container*; again if it could not be frozen: runc gives up on one that is very busy."""
    from docker.errors import APIError

    for left in reversed(range(_FREEZES)):
        try:
            container.pause()
        except APIError as error:
            if not left or "freeze" not in str(error):
                raise
            time.sleep(_AGAIN_S)
        else:
            return
