"""
Don't change this file: writers that append as fast as your store lets them, in the process of your code.

The check hands them their batches, holds the clock, and reads back what they say was acknowledged.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from labs.lab3.events import Event


class Writers:
    """Threads that append to a stream each, through one *store*."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._batches: deque[tuple[int, list[Event]]] = deque()
        self._taken = 0

    def take(self, batches: list[list[Event]]) -> None:
        """Append these too, some time; they are numbered from 0 in the order in which they came."""
        self._batches.extend(enumerate(batches, self._taken))
        self._taken += len(batches)

    def append(self, streams: list[str], seconds: float) -> dict[str, list[int]]:
        """
        Append for so many *seconds*, by a thread to each of *streams*, or until all batches are stored.

        Gives the numbers of the batches that were acknowledged, in their order, by stream. What a call
        raised is raised.
        """
        ends = time.monotonic() + seconds
        stored: dict[str, list[int]] = {stream: [] for stream in streams}
        errors: list[Exception] = []

        def write(stream: str) -> None:
            version = 0
            try:
                while time.monotonic() < ends and not errors and self._batches:
                    number, batch = self._batches.popleft()
                    self._store.append_events(stream, version, batch)
                    stored[stream].append(number)
                    version += len(batch)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=write, args=(stream,), daemon=True) for stream in streams]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for error in errors:
            raise error
        return stored
