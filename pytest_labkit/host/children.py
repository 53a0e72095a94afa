"""
Child processes of the kit's own, each of which ends with whoever started it, however that ended.

There is one mechanism. A child's standard input is a pipe whose other end is its parent's alone: the kernel
closes it with the parent, killed or not, and the child sees that, on Linux and on macOS. A process that the
parent has forked may hold on to that end; so the child also looks, once a second, whether its parent is still
the same.

The workers of `answers` have another: a student's code has their standard input, and threads that may stop it
from being looked at, so there the kernel itself is asked to kill them, which only Linux does.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO, cast

_LOOK_MS = 1000
_END_S = 10.0


class Child(subprocess.Popen[bytes]):
    """
    The module *module* as a program, in a session of its own: Ctrl-C at the terminal is for its parent.

    *options* are those of `subprocess.Popen`.
    """

    def __init__(self, module: str, *args: str, **options: Any) -> None:
        command = [sys.executable, "-P", "-m", module, *args]
        super().__init__(command, stdin=subprocess.PIPE, start_new_session=True, **options)

    def send(self, data: bytes) -> None:
        """Send *data* to its standard input."""
        assert self.stdin is not None
        self.stdin.write(data)
        self.stdin.flush()

    @property
    def answers(self) -> BinaryIO:
        """Its standard output, if that is a pipe."""
        assert self.stdout is not None
        return cast("BinaryIO", self.stdout)

    def end(self, within_s: float = _END_S) -> None:
        """Close its standard input, which ends it; kill it if it has not ended *within_s* seconds later."""
        assert self.stdin is not None
        with contextlib.suppress(OSError):  # it has ended, and not taken what was sent
            self.stdin.close()
        try:
            self.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()
        if self.stdout is not None:
            self.stdout.close()


def end_with_parent(end: Callable[[], object] = lambda: os._exit(1)) -> None:
    """
    In a `Child`: call *end*, in a thread, when the parent has ended or has called `Child.end`.

    Nothing that comes on standard input is taken from it.
    """
    parent, hang_up = os.getppid(), select.poll()
    hang_up.register(0, select.POLLHUP)

    def wait() -> None:
        while os.getppid() == parent and not hang_up.poll(_LOOK_MS):
            pass
        end()

    threading.Thread(target=wait, name="labkit-parent", daemon=True).start()
