"""
Too little of the machine for one process: of its processor time, of its memory.

Run as a program it takes processor time from the process that its first argument names, until whoever asked
for it is gone or has had enough; then the process goes on.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading

import psutil
from chaoslib.exceptions import ActivityFailed

from pytest_labkit.faults.undo import Fault
from pytest_labkit.host import children
from pytest_labkit.host.children import Child
from pytest_labkit.services.members import ProcessMember

LEAST_MB = 16
"""With less a Python may find no memory to say so, and end: seen in 3 of 20 runs with none."""

_PERIOD_S = 0.2


class CpuPressure(Fault):
    """*member* has only what *share* leaves of the processor's time: it is stopped for that share of it."""

    def __init__(self, member: ProcessMember, share: float) -> None:
        if not 0 < share < 1:
            raise ActivityFailed(f"share={share}: it has to be more than 0 and less than 1")
        super().__init__([], f"pressure on the CPU of process {member.pid}")
        self._args = (str(member.pid), str(share))
        self._child: Child | None = None

    def _begin(self) -> None:
        self._child = Child(__name__, *self._args)

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()


class MemoryPressure(Fault):
    """*member* can have *megabytes* of address space more than it has now, and no more; on Linux alone."""

    def __init__(self, member: ProcessMember, megabytes: float) -> None:
        if megabytes < LEAST_MB:
            raise ActivityFailed(
                f"megabytes={megabytes}: with less than {LEAST_MB} a service may die at once; "
                "for that there is kill"
            )
        super().__init__([], f"pressure on the memory of process {member.pid}")
        self._pid = member.pid
        self._more = int(megabytes * 1024 * 1024)
        self._limits: tuple[int, int] | None = None

    def _begin(self) -> None:
        if not hasattr(psutil, "RLIMIT_AS"):
            logging.getLogger("chaostoolkit").warning("only Linux can limit memory of others: none is taken")
            return
        process = psutil.Process(self._pid)
        self._limits = process.rlimit(psutil.RLIMIT_AS)
        process.rlimit(psutil.RLIMIT_AS, (process.memory_info().vms + self._more, self._limits[1]))

    def _end(self) -> None:
        if self._limits is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(self._pid).rlimit(psutil.RLIMIT_AS, self._limits)


def press(process: psutil.Process, share: float, ended: threading.Event) -> None:
    """Stop *process* for *share* of the time until it has *ended*; the process goes on then."""
    try:
        while not ended.is_set():
            process.send_signal(signal.SIGSTOP)
            ended.wait(_PERIOD_S * share)
            process.send_signal(signal.SIGCONT)
            ended.wait(_PERIOD_S * (1 - share))
    finally:
        process.send_signal(signal.SIGCONT)


if __name__ == "__main__":
    over = threading.Event()
    children.end_with_parent(over.set)
    with contextlib.suppress(psutil.NoSuchProcess):
        press(psutil.Process(int(sys.argv[1])), float(sys.argv[2]), over)
