"""
Places in a service that one test at a time has to itself: a database of Redis, a container of DynamoDB.

A place is held by a lock of the kernel's, so that of a killed test is free. The locks are the same for
all services on this machine: their files stay, and there is to be an end to them.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

_EVERY_S = 0.05


@dataclass(frozen=True)
class Slot:
    """The place of this *number*, ours until it is released."""

    number: int
    lock: FileLock

    def release(self) -> None:
        """Let others have it."""
        self.lock.release()


def take(kind: str, numbers: range, *, more: bool) -> Slot:
    """
    A place of *kind* that no test on this machine has, one of *numbers* picked by chance.

    By chance, so that a student's thread that lives on after its test seldom meets the next one. When
    all are taken: with *more* others beyond *numbers* are tried, else one is waited for.
    """
    folder = Path(tempfile.gettempdir())
    for attempt in count():
        number = numbers.start + secrets.randbelow(len(numbers) + (attempt if more else 0))
        lock = FileLock(folder / f"labkit-{kind}-{number}.lock", mode=0o666, blocking=False)
        with suppress(Timeout):
            lock.acquire()
            return Slot(number, lock)
        if not more and attempt > len(numbers):
            time.sleep(_EVERY_S)
    raise AssertionError  # count() does not end
