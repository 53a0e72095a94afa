"""
What a test has from outside: how long it may take, who may measure beside it, what its processes did.

All of it counts whatever the test itself caught or made of it.
"""

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
from pytest_labkit.answers.door import Answers


class OutOfTime(BaseException):
    """A criterion's time limit has passed. No `Exception`: a student's `except Exception` must not eat it."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        super().__init__(f"did not end within {limit_s:g} s")

    def found(self, threads: list[Stack]) -> None:
        """Say where the student's *threads* were when the time was up."""
        if threads:
            self.args = (f"{self}: at {told(threads)}",)
            self.labkit_frames = list(reversed(threads[0]))


@contextmanager
def supervised(
    limit_s: float, door: Callable[[], Answers | None], show: Callable[[str], None]
) -> Iterator[None]:
    """
    Give a phase of a test *limit_s* seconds.

    Args:
        limit_s: Then it is ended, and is told where the student's threads were.
        door: The test's answers, when the phase has ended; `None` if it opened none.
        show: Given what the student's processes printed, where they printed anything.

    Raises:
        OutOfTime: It did not end in time.
        Tampered, AnswerDied: A student's process did that, even if the test passed.
    """
    try:
        with time_limit(limit_s):
            yield
    except OutOfTime as hang:
        if answers := door():
            hang.found(answers.stacks(hang))
        raise
    finally:
        if answers := door():
            if printed := answers.printed():
                show(printed)
            answers.raise_trouble()


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
