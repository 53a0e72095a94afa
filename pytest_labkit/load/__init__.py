"""
Load by Locust, as a child process: its own statistics are the evidence.

A locustfile is the lab's. What it counted is read from the files that `locust --csv` writes.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host.children import Child

_END_S = 15.0


@dataclass(frozen=True)
class Counted:
    """Requests as Locust counted them; *p95_ms* is of their response times."""

    requests: int
    failures: int
    p95_ms: float

    @property
    def availability(self) -> float:
        """The share that did not fail; 0.0 of none."""
        return 1 - self.failures / self.requests if self.requests else 0.0


class Load:
    """
    Users of *locustfile*, *users* of them, who call the system at *url* from `with` on until its end.

    Files go to *folder*; *environ* is what the locustfile finds in its environment besides.
    """

    def __init__(
        self, locustfile: Path, url: str, users: int, folder: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self._prefix = folder / "load"
        self._log = folder / "locust.log"
        self._environ = {**os.environ, **(environ or {})}
        self._options = [
            *("--host", url),
            *("--locustfile", f"{locustfile},{Path(__file__).with_name('locustfile.py')}"),
            *("--headless", "--users", str(users), "--spawn-rate", str(users), "--stop-timeout", "5"),
            *("--csv", str(self._prefix), "--only-summary", "--skip-log-setup"),
        ]
        self._process: Child | None = None

    def __enter__(self) -> Load:
        if find_spec("locust") is None:
            raise KitError("Locust is not installed.", "Run: pip install 'pytest-labkit[labs]'")
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as output:
            self._process = Child(
                "pytest_labkit.load.child",
                *self._options,
                cwd=self._log.parent,
                env=self._environ,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def count_anew(self) -> None:
        """From now on count as if the load had only begun."""
        if self._process is not None:
            self._process.send_signal(signal.SIGUSR1)

    def stop(self) -> None:
        """Let the requests that have begun end, and the figures be written."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is not None:
            process.end()
            raise KitError(f"Locust ended by itself: {self._said()}", "Is it installed? pip install locust")
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise KitError(f"Locust did not end in {_END_S:g} s.") from None
        finally:
            process.end()

    def counted(self) -> dict[str, Counted]:
        """What was counted by the end, by the name of the request; all together as `Aggregated`."""
        return read(Path(f"{self._prefix}_stats.csv"))

    def _said(self) -> str:
        lines = [line for line in self._log.read_text("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"


def read(file: Path) -> dict[str, Counted]:
    """The rows of the statistics in *file*. Raises `KitError` if there are none."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return {row["Name"]: _counted(row) for row in csv.DictReader(lines)}
    except (OSError, KeyError, ValueError) as error:
        raise KitError(f"Locust left no figures: {error!r}.") from error


def _counted(row: Mapping[str, str]) -> Counted:
    p95 = row["95%"]
    return Counted(
        int(row["Request Count"]), int(row["Failure Count"]), 0.0 if p95 in ("", "N/A") else float(p95)
    )
