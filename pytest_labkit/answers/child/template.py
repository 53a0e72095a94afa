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


class Template:
    """Forks a reaper, and it a worker, for each order; says when a worker and its tree are gone."""

    def __init__(self, control: socket.socket, preload: Preload) -> None:
        self._control = control
        self._preload = preload
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._reapers: dict[int, int] = {}  # the child's number -> its reaper's process
        self._reports: dict[int, int] = {}  # the child's number -> the pipe that its reaper reports to
        self._over: set[int] = set()  # the children whose end has been told

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
        elif pid := self._reapers.get(number):
            os.kill(pid, _SIGNALS[order["do"]])
        return True

    def _fork(self, number: int, descriptors: list[int]) -> None:
        reading, writing = os.pipe()
        this, pid = os.getpid(), os.fork()
        if pid == 0:
            reaper.die_with(this)
            self._control.close()
            self._selector.close()
            for pipe in (reading, *self._reports.values()):
                os.close(pipe)
            connection, output = descriptors
            work = partial(worker.begin, connection, output, self._preload.rehearse)
            reaper.reap(writing, descriptors, work)
        for descriptor in (writing, *descriptors):
            os.close(descriptor)
        self._reapers[number], self._reports[number] = pid, reading
        self._selector.register(reading, selectors.EVENT_READ, number)

    def _hear(self, number: int) -> None:
        """A reaper reports, or has ended."""
        report = os.read(self._reports[number], 64).decode()
        for what, value in (line.split() for line in report.splitlines()):
            if what == "started":
                self._say(started=number, pid=int(value))
            else:
                self._say(ended=number, status=int(value))  # its reaper is only about to end
                self._over.add(number)
        if not report:
            self._bury(number)

    def _bury(self, number: int) -> None:
        """Take leave of a reaper; end what it left, and say so, if it was killed itself."""
        pid, pipe = self._reapers.pop(number), self._reports.pop(number)
        self._selector.unregister(pipe)
        os.close(pipe)
        if number not in self._over:
            reaper.end_children(spare=self._reapers.values())
            self._say(ended=number, status=None)
        self._over.discard(number)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)

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
