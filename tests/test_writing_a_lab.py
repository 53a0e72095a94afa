"""docs/writing-a-lab.md builds a lab: done to the letter, it is proven."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[1] / "docs" / "writing-a-lab.md").read_text("utf-8")
BLOCK = re.compile(
    r"^```(?P<language>\w+)(?: (?P<path>\S+)(?P<more> \+)?)?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
PROGRAMS = {"pytest": ["-m", "pytest", "-p", "no:cacheprovider"], "labkit": ["-m", "pytest_labkit.cli"]}


def command(line: str) -> list[str]:
    """What a student or author types, as a program of this environment."""
    program, *arguments = shlex.split(line)
    return [sys.executable, *PROGRAMS[program], *arguments]


def run(line: str, project: Path) -> str:
    """What the command prints, without colours."""
    environ = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100", "LABKIT_BACKEND": "local"}
    done = subprocess.run(command(line), cwd=project, env=environ, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_the_page_leads_to_a_proven_lab(tmp_path: Path) -> None:
    """Each file is written as the page says, each command prints what the page shows."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    commands = 0
    for block in BLOCK.finditer(PAGE):
        if block["path"]:
            path = tmp_path / block["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_text("utf-8") + "\n" if block["more"] else ""
            path.write_text(before + block["text"], "utf-8")
        if block["language"] == "console":
            line, *shown = block["text"].splitlines()
            printed = run(line.removeprefix("$ "), tmp_path)
            commands += 1
            for expected in shown:
                assert expected.strip() in printed, printed
    assert 3 == commands
