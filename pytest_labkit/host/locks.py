"""
Locks on folders that the kernel lets go of when their holder dies, so that none is ever stale.

No lock file: the folder itself is locked (`flock`), and nothing is left to clean up. A system without
`flock` (Windows) has no such locks; there whoever asks gets one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class Held(Exception):
    """Another process, or another part of this one, holds the lock."""


class FolderLock:
    """
    An exclusive lock on *folder*, held until `release`; raises `Held` if it is taken and *wait* is false.

    A child that is forked without an exec holds it too: what it works in is in use as long as it lives.
    """

    def __init__(self, folder: Path, *, wait: bool) -> None:
        self._descriptor: int | None = None
        if fcntl is None:
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            raise Held(str(folder)) from None
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others have it; safe to call twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Be the only one who works in *folder*; waits for whoever does."""
    lock = FolderLock(folder, wait=True)
    try:
        yield
    finally:
        lock.release()
