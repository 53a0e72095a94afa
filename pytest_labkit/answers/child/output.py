"""What a student's process writes to stdout and stderr: kept up to a limit, shown, never believed."""

from __future__ import annotations

import os
import threading

KEPT = 64 * 1024
"""Bytes that are kept: the last ones. Of those before, only the number is known."""


class Output:
    """
    The reading end of a pipe that a child writes to; the child never waits for a reader.

    Args:
        pipe: The file descriptor; closed at the end of the output.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._kept = bytearray()
        self._size = 0
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="labkit-output", daemon=True)
        self._reader.start()

    @property
    def size(self) -> int:
        """How many bytes were written so far."""
        with self._lock:
            return self._size

    def text(self, start: int = 0, end: int | None = None) -> str:
        """What was kept of the bytes from *start* to *end*, with a line in the place of what was not."""
        with self._lock:
            dropped = self._size - len(self._kept)
            part = bytes(self._kept[max(0, start - dropped) : None if end is None else max(0, end - dropped)])
        missing = f"[{dropped:,} bytes before this were not kept]\n" if dropped > start else ""
        return missing + part.decode("utf-8", "replace")

    def taken(self, start: int) -> str:
        """What was kept of the bytes from *start* on, which are forgotten: they are not the student's."""
        text = self.text(start)
        with self._lock:
            del self._kept[max(0, start - (self._size - len(self._kept))) :]
            self._size = min(self._size, start)
        return text

    def tail(self, lines: int) -> list[str]:
        """The last *lines* lines that are not blank, oldest first."""
        return [line.rstrip() for line in self.text().splitlines() if line.strip()][-lines:]

    def wait(self, seconds: float) -> None:
        """Wait for the end of the output: nobody is left who could write."""
        self._reader.join(seconds)

    def _read(self) -> None:
        with os.fdopen(self._pipe, "rb", buffering=0) as pipe:
            while part := pipe.read(KEPT):
                with self._lock:
                    self._size += len(part)
                    self._kept += part
                    del self._kept[:-KEPT]
