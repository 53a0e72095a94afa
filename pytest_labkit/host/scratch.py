"""
Temporary folders that go with the process that made them, however it ends.

The name carries its maker (`labkit-answers-4711-1732371234.56-x7k2w1ab`), and the maker holds a lock on
the folder as long as it lives. A folder whose maker is gone and that nobody holds is removed by the
next run on this machine. Both, because a maker in another container has a number that means nothing
here, and a folder that was made a moment ago is not locked yet.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from pytest_labkit.host import processes
from pytest_labkit.host.locks import FolderLock, Held

PREFIX = "labkit-"


class Scratch:
    """A new temporary folder for *what*, a word that stands in its name."""

    def __init__(self, what: str) -> None:
        name = f"{PREFIX}{what}-{processes.tag(processes.identity())}-"
        self.path = Path(tempfile.mkdtemp(prefix=name)).resolve()
        self._lock = FolderLock(self.path, wait=False)

    def close(self) -> None:
        """Remove it with all that is in it; safe to call twice."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()


def sweep() -> list[Path]:
    """Remove the folders of this user whose makers are gone; gives those that were there."""
    found = Path(tempfile.gettempdir()).resolve().glob(f"{PREFIX}*")
    return [folder for folder in found if folder.is_dir() and _is_free(folder) and _removed(folder)]


def _is_free(folder: Path) -> bool:
    maker = processes.owner_of(folder.name)
    return maker is not None and processes.find(maker) is None


def _removed(folder: Path) -> bool:
    with suppress(OSError, Held):  # another user's, held by a child of its maker's, or removed just now
        lock = FolderLock(folder, wait=False)
        try:
            shutil.rmtree(folder)
        finally:
            lock.release()
        return True
    return False
