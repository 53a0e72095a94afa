"""
The pages as a process of their own, for a test that looks at them.

Run as a program it shows the system that is written down in the file that its argument names, on a port of
its own, until whoever started it is gone or has had enough. A number on its standard input puts its clock
forward by so many seconds.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import children, http, settings
from pytest_labkit.host.children import Child
from pytest_labkit.services.registry import Registry

_TIMEOUT_S = 5.0


class Page:
    """Inside of `with`: the pages, about the system that is written down in the file *system*."""

    def __init__(self, system: Path) -> None:
        self._system = system
        self._process: Child | None = None
        self.url = ""

    def __enter__(self) -> Page:
        self._process = Child(__name__, str(self._system), stdout=subprocess.PIPE)
        self.url = self._process.answers.readline().decode().strip()
        if not self.url:
            raise KitError("The page /health could not be served.", "Run: labkit dashboard")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.end()

    def put_forward(self, seconds: float) -> None:
        """Have its clock *seconds* further ahead: what alerts look back at is the older for it."""
        assert self._process is not None
        self._process.send(f"{seconds}\n".encode())

    def picture(self) -> dict[str, Any]:
        """What it shows now."""
        found: dict[str, Any] = json.loads(http.read(f"{self.url}.json", _TIMEOUT_S))
        return found


class Clock:
    """The machine's, and put forward by the numbers that come on standard input."""

    def __init__(self) -> None:
        self._ahead_s = 0.0
        threading.Thread(target=self._listen, daemon=True).start()

    def __call__(self) -> float:
        return time.time() + self._ahead_s

    def _listen(self) -> None:
        for line in sys.stdin:
            self._ahead_s += float(line)


async def _serve(book: Registry) -> None:
    from pytest_labkit.dashboard import server

    subject = server.Subject(book, settings.resolve(Path.cwd()), Clock())
    await server.serve(subject, 0, lambda url: print(url, flush=True))


if __name__ == "__main__":
    children.end_with_parent()
    asyncio.run(_serve(Registry(Path(sys.argv[1]))))
