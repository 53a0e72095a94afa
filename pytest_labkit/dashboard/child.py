"""
The pages as a process of their own, for a test that looks at them.

Run as a program it shows the system that is written down in the file that its argument names, on a port of
its own, until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import settings
from pytest_labkit.services.registry import Registry

_TIMEOUT_S = 5.0


class Page:
    """Inside of `with`: the pages, about the system that is written down in the file *system*."""

    def __init__(self, system: Path) -> None:
        self._command = [sys.executable, "-P", "-m", __name__, str(system)]
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Page:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise KitError("The page /health could not be served.", "Run: labkit dashboard")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.communicate()  # which ends its input

    def picture(self) -> dict[str, Any]:
        """What it shows now."""
        with urllib.request.urlopen(f"{self.url}.json", timeout=_TIMEOUT_S) as answer:  # noqa: S310 - its own
            found: dict[str, Any] = json.load(answer)
            return found


async def _until_input_ends(book: Registry) -> None:
    from pytest_labkit.dashboard import server

    subject = server.Subject(book, settings.resolve(Path.cwd()))
    serving = asyncio.create_task(server.serve(subject, 0, lambda url: print(url, flush=True)))
    await asyncio.to_thread(sys.stdin.read)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(_until_input_ends(Registry(Path(sys.argv[1]))))
