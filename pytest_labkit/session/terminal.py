"""What is said on the terminal, in pytest's own way: verdicts, colours, places, a line above the progress."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pytest_labkit.domain.model import Verdict
from pytest_labkit.report import Document, wording
from pytest_labkit.report.plain import speakable
from pytest_labkit.session import progress

_FAR = 3
LETTERS = {
    Verdict.FAILED: "F",
    Verdict.ERROR: "E",
    Verdict.TODO: "t",
    Verdict.BLOCKED: "b",
    Verdict.UNKNOWN: "?",
}

_COLOURS = {
    "passed": "green",
    "failed": "red",
    "error": "red",
    "todo": "cyan",
    "blocked": "cyan",
    "unknown": "yellow",
}


def tracebacks(config: pytest.Config) -> str:
    """The option `--tb`, which is pytest's terminal's: there may be none."""
    return str(getattr(config.option, "tbstyle", "auto"))


def summed(documents: Iterable[Document]) -> tuple[list[tuple[str, dict[str, bool]]], str]:
    """How many criteria ended how, for pytest's last line: words, each with a colour, and the main one."""
    totals: Counter[str] = Counter()
    for document in documents:
        totals.update(wording.counts(document))
    parts = [(f"{count} {verdict}", {_COLOURS[verdict]: True}) for verdict, count in totals.items()]
    colours = [_COLOURS[verdict] for verdict in totals]
    main = next((colour for colour in ("red", "yellow", "cyan") if colour in colours), "green")
    return parts, main


def say(config: pytest.Config, line: str) -> None:
    """Print *line* above the tests' progress; a worker of pytest-xdist has no terminal, and says nothing."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        bar: Any = config.pluginmanager.get_plugin(progress.NAME)
        bar.clear()
        reporter.ensure_newline()
        reporter.write_line(readable(line, reporter._tw))


def from_here(path: Path, here: Path) -> str:
    """*path* as one types it in the folder *here*, or whole where that would lead far away."""
    shown = os.path.relpath(path, here)
    return str(path) if shown.count("..") > _FAR else Path(shown).as_posix()


def readable(text: str, writer: Any) -> str:
    """*text* as the terminal of *writer* can show it."""
    return speakable(text, getattr(writer._file, "encoding", None))
