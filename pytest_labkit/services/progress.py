"""How far a download is: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

_EVERY_S = 3.0


class Progress:
    """
    Context manager around the download of *files* files that together are *what*.

    The bar goes to standard error, and only if that is a terminal; the lines go to *say*. Safe to
    call from several threads.
    """

    def __init__(self, what: str, files: int, say: Callable[[str], None]) -> None:
        self._what, self._files, self._say = what, files, say
        self._done = self._bytes = 0
        self._lock = threading.Lock()
        self._start = self._last = time.monotonic()
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            self._bar, self._task = self._make_bar()
            self._bar.start()
        else:
            self._say(f"downloading {self._what}: {counted(self._files)}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is None:
            seconds = time.monotonic() - self._start
            self._say(f"downloaded {self._what}: {_megabytes(self._bytes)} in {seconds:.1f} s")

    def received(self, count: int) -> None:
        """*count* bytes more have arrived."""
        with self._lock:
            self._bytes += count
            self._show()

    def file_done(self) -> None:
        """One file more is complete."""
        with self._lock:
            self._done += 1
            self._show()

    def _show(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done, size=_megabytes(self._bytes))
        elif (now := time.monotonic()) - self._last >= _EVERY_S:
            self._last = now
            self._say(
                f"downloading {self._what}: {self._done} of {counted(self._files)}, {_megabytes(self._bytes)}"
            )

    def _make_bar(self) -> tuple[Bar, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        bar = Bar(
            TextColumn("downloading {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("files, {task.fields[size]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        return bar, bar.add_task(self._what, total=self._files, size=_megabytes(0))


def counted(files: int) -> str:
    """`1 file`, `2 files`."""
    return f"{files} file{'' if files == 1 else 's'}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
