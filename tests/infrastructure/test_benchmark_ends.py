"""The benchmark of starts leaves no server behind, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.infrastructure.conftest import eventually

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "startup.py"


@pytest.fixture
def benchmark_run(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run that starts DynamoDB and Redis, the kit's and plain ones, again and again."""
    command = [sys.executable, str(SCRIPT), "--only", "lab3", "--rounds", "30", "--plain-rounds", "30"]
    with (tmp_path / "said").open("wb") as said:
        run = subprocess.Popen(
            command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=said, stderr=subprocess.STDOUT
        )
        yield run
    run.kill()
    run.wait()


def servers(folder: Path) -> list[int]:
    """The processes that work in a service's folder below *folder*."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("after_s", [0.0, 0.7], ids=["starting", "going on"])
def test_it_ends_what_it_started(
    benchmark_run: subprocess.Popen[bytes], tmp_path: Path, number: signal.Signals, after_s: float
) -> None:
    """A time-out sends SIGTERM, and kills if that does not help: no server outlives either."""
    assert eventually(lambda: bool(servers(tmp_path)), within_s=60)
    time.sleep(after_s)  # wherever it is then
    benchmark_run.send_signal(number)
    assert 0 != benchmark_run.wait(30)
    assert eventually(lambda: not servers(tmp_path), within_s=30)
