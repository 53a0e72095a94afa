"""pytest of an environment in which the kit is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_says_which_pytest_to_run() -> None:
    """Not which of the kit's imports failed first; -S is a Python in which nothing is installed."""
    command = [sys.executable, "-S", "-c", "import conftest"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (4, False) == (done.returncode, "Traceback" in done.stderr)
    assert "Activate the environment that has it (. .venv/bin/activate), or run .venv/bin/pytest." in (
        done.stderr
    )
