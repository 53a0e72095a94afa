"""
Whose turn it is with services that several processes use: those that only use them at once, one that may
break them alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import ReadWriteLock


@contextmanager
def turn(root: Path, *, alone: bool) -> Iterator[None]:
    """
    Wait for a turn with the services that the checkout at *root* shares, and have it.

    The lock is the kernel's: that of a process which was killed is free.
    """
    file = root / ".labkit" / "turns.db"
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = ReadWriteLock(file)
    with lock.write_lock() if alone else lock.read_lock():
        yield
