"""
The parent of one worker at a time, and of whatever a student's code starts and leaves behind. Linux only.

A process whose parent ends is given to the nearest ancestor that asked for it: that is the reaper, also
for one that left its session and forked twice to get away. So the reaper has the whole tree, and ends
all of it with the worker.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
from collections.abc import Callable, Collection
from typing import NoReturn

import psutil

STACKS = getattr(signal, "SIGRTMAX", signal.SIGTERM)
"""Makes a worker write down where its threads are, and end. Nobody else uses the last real-time signal."""

_ORDERS = {signal.SIGCHLD, signal.SIGTERM, STACKS} if hasattr(signal, "SIGCHLD") else set()
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def adopt_orphans() -> None:
    """Be the parent of every descendant whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """End when *parent*, our parent, ends: at once if it has already. Its thread that forked must live on."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def reap(orders: socket.socket, work: Callable[[int, int], None]) -> NoReturn:
    """
    Fork a worker for each order, one after another, and end all that it started; end when nobody can order.

    A reaper runs nothing of a worker's, so that its memory stays the template's: to fork one worker more from
    it costs half of what a reaper of its own for each would.

    Args:
        orders: Messages with two file descriptors that are the worker's alone. Each is answered by
            `started PID` and in the end, when the worker and all that it started have ended, by
            `ended STATUS`: its exit status, negative for a signal. In between SIGTERM ends the worker at
            once, and `STACKS` is passed on to it.
        work: What a worker does with the two; its exit status is 0 when it returns.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _ORDERS)  # before there is anybody who could send one
    adopt_orphans()
    this = os.getpid()
    while True:
        data, descriptors, _, _ = socket.recv_fds(orders, 1, 2)
        if not data:
            os._exit(0)
        while signal.sigtimedwait(_ORDERS, 0):
            pass  # it was meant for a worker that had ended by itself
        worker = os.fork()
        if worker == 0:
            die_with(this)
            orders.close()
            os.setsid()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ORDERS)
            work(*descriptors)
            os._exit(0)
        orders.send(f"started {worker}".encode())
        for descriptor in descriptors:
            os.close(descriptor)
        status = _status_of(worker)
        end_children()
        orders.send(f"ended {status}".encode())


def _status_of(worker: int) -> int:
    """Pass on orders until the worker has ended; its exit status."""
    while True:
        order = signal.sigwait(_ORDERS)
        if order != signal.SIGCHLD:
            os.kill(worker, STACKS if order == STACKS else signal.SIGKILL)
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == worker:
                return os.waitstatus_to_exitcode(ended[1])


def end_children(spare: Collection[int] = ()) -> None:
    """Kill all children of this process but *spare*, and theirs when they become ours, until none is left."""
    while strays := [child for child in _children() if child.pid not in spare]:
        for child in strays:
            with contextlib.suppress(psutil.Error):
                child.kill()
        for child in strays:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child.pid, 0)


def _children() -> list[psutil.Process]:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []  # the usual case, known without a look at all processes of the machine
    return psutil.Process().children()
