"""
The process that workers are forked from: it has imported what they need, and never a student's code.

Started as `python -I -B -X utf8 -m pytest_labkit.answers.child.template FD WARMTH`; orders come over the
socket FD, with the file descriptors that a worker is given. It has one thread, so that it can be forked.
When whoever started it is gone, it ends everything.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

import psutil

from pytest_labkit.answers.child import reaper, worker
from pytest_labkit.answers.child.preload import Preload

LARGEST_ORDER = 1024  # bytes

_SIGNALS = {
    "end": signal.SIGTERM,
    "stacks": reaper.STACKS,
    "kill": getattr(signal, "SIGKILL", signal.SIGTERM),
}


@dataclass(eq=False)
class Reaper:
    """A process that forks workers, the socket to it, and the number of the child that it has in its care."""

    pid: int
    orders: socket.socket
    child: int | None = None


class Template:
    """Has a reaper fork a worker for each order; says when the worker and its tree are gone."""

    def __init__(self, control: socket.socket, preload: Preload) -> None:
        self._control = control
        self._preload = preload
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._reapers: list[Reaper] = []

    def serve(self) -> None:
        """Carry out orders until there is nobody who could give any."""
        self._say(ready=psutil.Process().num_threads())
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._hear(key.data)
                elif not self._obey():
                    return

    def _obey(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, LARGEST_ORDER, 2)
        if not data:
            return False
        order = json.loads(data)
        number = order["child"]
        if order["do"] == "fork":
            self._fork(number, descriptors)
        elif busy := next((one for one in self._reapers if one.child == number), None):
            os.kill(busy.pid, _SIGNALS[order["do"]])
        return True

    def _fork(self, number: int, descriptors: list[int]) -> None:
        idle = (one for one in self._reapers if one.child is None)
        free = next(idle, None) or self._new_reaper(but=descriptors)
        free.child = number
        with contextlib.suppress(OSError):  # it was killed, which is heard next
            socket.send_fds(free.orders, [b"."], descriptors)
        for descriptor in descriptors:
            os.close(descriptor)

    def _new_reaper(self, but: list[int]) -> Reaper:
        """A reaper that has nothing of this process' open, nor *but*, descriptors that it will be sent."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        this, pid = os.getpid(), os.fork()
        if pid == 0:
            reaper.die_with(this)
            self._selector.close()
            for unneeded in (self._control, ours, *(one.orders for one in self._reapers)):
                unneeded.close()
            for descriptor in but:
                os.close(descriptor)
            reaper.reap(theirs, partial(worker.begin, rehearse=self._preload.rehearse))
        theirs.close()
        new = Reaper(pid, ours)
        self._reapers.append(new)
        self._selector.register(ours, selectors.EVENT_READ, new)
        return new

    def _hear(self, one: Reaper) -> None:
        """A reaper reports, or has ended."""
        report = b""
        with contextlib.suppress(OSError):
            report = one.orders.recv(64)
        if not report:
            self._bury(one)
            return
        what, value = report.decode().split()
        if what == "started":
            self._say(started=one.child, pid=int(value))
        else:
            self._say(ended=one.child, status=int(value))
            one.child = None

    def _bury(self, dead: Reaper) -> None:
        """Take leave of a reaper that was killed; end what it left, and say so."""
        self._reapers.remove(dead)
        self._selector.unregister(dead.orders)
        dead.orders.close()
        reaper.end_children(spare=[one.pid for one in self._reapers])
        if dead.child is not None:
            self._say(ended=dead.child, status=None)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(dead.pid, 0)

    def _say(self, **words: Any) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more, which the next order will tell
            self._control.send(json.dumps(words).encode())


def main() -> None:
    """Serve the socket that the first argument names, warm as the second says."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    reaper.adopt_orphans()
    try:
        preload = Preload.from_text(sys.argv[2])
        preload.load()
        Template(control, preload).serve()
    finally:
        reaper.end_children()


if __name__ == "__main__":
    main()
