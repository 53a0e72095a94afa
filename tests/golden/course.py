"""A student's checkout of lab 3, a run in it, and what of its output is the same in every run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEADLINE_S = 240


@dataclass(frozen=True)
class Edit:
    """In *file* of the lab, *old* is replaced by *new*."""

    file: str
    old: str
    new: str


class Course:
    """A project with the labs and without their solutions, as a student has it."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.root = folder
        self._env = env
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "labs", folder / "labs", ignore=ignored)
        for name in ("pyproject.toml", "conftest.py"):
            shutil.copyfile(ROOT / name, folder / name)

    @property
    def lab(self) -> Path:
        """The folder of lab 3."""
        return self.root / "labs" / "lab3"

    def solve(self, *files: str) -> None:
        """Put the model answers in the place of the stubs; *files* are paths in the lab."""
        for file in files:
            shutil.copyfile(ROOT / "solutions" / "lab3" / file, self.lab / file)

    def edit(self, edit: Edit) -> None:
        """Change a file as the student, or the test, would."""
        path = self.lab / edit.file
        text = path.read_text("utf-8")
        assert edit.old in text, f"{edit.file} does not contain {edit.old!r}"
        path.write_text(text.replace(edit.old, edit.new), "utf-8")

    def check(self, *options: str) -> subprocess.CompletedProcess[bytes]:
        """What `pytest labs/lab3` prints in a terminal of 80 columns."""
        return subprocess.run(
            [sys.executable, "-m", "pytest", "labs/lab3", "-p", "no:cacheprovider", *options],
            cwd=self.root,
            env={**_plain_environment(), **self._env, "COLUMNS": "80"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=DEADLINE_S,
        )


def _plain_environment() -> dict[str, str]:
    left_out = ("PYTEST_", "LABKIT_", "AWS_", "NO_COLOR", "FORCE_COLOR")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


# What differs from run to run -> a word for it. The order matters.
_VOLATILE = (
    (r"seed \d+", "seed SEED"),
    (r"\d+ deselected, |, \d+ deselected", ""),
    (r"in \d+(\.\d+)?s\b.*", "in SECONDS"),
    (r"waiting for another timed test on this machine\n", ""),  # where another run measures
    (r"(^[.FEtb?]+ *\[ *\d+%\]\n)+", "PROGRESS\n"),  # a letter for each test, and how many there were, is not
    (r"\b\d+ (passed|failed|lab [a-z]+)(?=[^\n]* in SECONDS)", r"N \1"),  # what these cases are about
    (r"ready in \d+\.\d+ s", "ready in SECONDS"),
    (r"127\.0\.0\.1:\d+|localhost:\d+", "HOST:PORT"),
    (r"\b[0-9a-f]{8}\b(-[0-9a-f]{4}){0,3}(-[0-9a-f]{12})?", "ID"),
    (r"\bpid \d+|process \d+", "process PID"),
    (r"(\w+\.py):\d+", r"\1:LINE"),
    (r"(did not end within 3 s): at .*", r"\1"),
    (r"thread \d+", "thread N"),
    (r"\[ID(, (ID|…( \d+ more)?))*\]?( as versions? \d+( to \d+)?)?", "[IDS]"),
    (r"version \d+$", "version N"),
    (r"\b0( +)\d[\d.,]* ms", "0 … MS"),
    (r" *[├│][─]*[┤✗?→]? +", "  BAR  "),
    (r"(BAR  append\(order-1, 0, ).*", r"\1…"),  # how much of the ids fits differs
    (r"throughput [\d,.]+ events/s", "throughput N events/s"),
    (r"reached(\s+)[\d,.]+", r"reached\1N"),
    (r"instead:(\s+)\d\.\d+", r"instead:\1RATIO"),
)


def steady(output: str, root: Path) -> str:
    """*output* with words in the place of what differs from run to run, and no blanks at the ends."""
    text = _unwrapped(output.replace(str(root), "COURSE"))
    for pattern, word in _VOLATILE:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"


def _unwrapped(output: str) -> str:
    """*output* with what was got on one line: where it is broken depends on the length of names in it."""
    lines: list[str] = []
    got = False
    for line in output.splitlines():
        if got and line.startswith(" " * 16):
            lines[-1] += f" {line.strip()}"
            continue
        got = line.startswith("      got ")
        lines.append(line)
    return "\n".join(lines)
