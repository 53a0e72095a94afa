"""How long a test may take, and how many of those that measure may run at once."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from pytest_labkit.answers.child.stacks import Stack, told


class OutOfTime(BaseException):
    """A criterion's time limit has passed. No `Exception`: a student's `except Exception` must not eat it."""

    def __init__(self, limit_s: float, what: str = "did not end within {:g} s") -> None:
        self.limit_s = limit_s
        super().__init__(what.format(limit_s))

    def found(self, threads: list[Stack]) -> None:
        """Say where the student's *threads* were when the time was up."""
        if threads:
            self.args = (f"{self}: at {told(threads)}",)
            self.labkit_frames = list(reversed(threads[0]))


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """
    Raise `OutOfTime` in the main thread after *seconds*; elsewhere nothing can be interrupted.

    It is raised again at the end where a bare `except:` of a student's swallowed it.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    rang = False

    def ring(_number: int, _frame: FrameType | None) -> None:
        nonlocal rang
        rang = True
        raise OutOfTime(seconds)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if rang:
        raise OutOfTime(seconds)


@contextmanager
def one_at_a_time(say: Callable[[str], None]) -> Iterator[None]:
    """
    One timed test at a time on this machine: two at once would spoil each other's figures.

    The kernel lets go of the lock when its holder dies, so none is ever stale.
    """
    lock = FileLock(Path(tempfile.gettempdir()) / "labkit-timed.lock", mode=0o666)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("waiting for another timed test on this machine")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
