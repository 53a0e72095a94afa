"""What is printed beside pytest's own lines: past its capture, in the terminal's encoding."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_labkit.report.plain import speakable


def say(config: pytest.Config, line: str) -> None:
    """Print *line* above the tests' progress; a worker of pytest-xdist has no terminal, and says nothing."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.ensure_newline()
        reporter.write_line(readable(line, reporter._tw))


def readable(text: str, writer: Any) -> str:
    """*text* as the terminal of *writer* can show it."""
    return speakable(text, getattr(writer._file, "encoding", None))
