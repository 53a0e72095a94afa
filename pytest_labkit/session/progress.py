"""On a terminal, in the place of letters for tests: which criterion is at work, and how many are left."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

from pytest_labkit.report.plain import speakable
from pytest_labkit.session.collection import criterion_of

NAME = "labkit-progress"
_CELLS = 20
_CLEAR = "\r\x1b[2K"


class Progress:
    """
    A line that is drawn anew for each test, and wiped away before anything else is printed.

    Only for a run of labs alone, without workers, on a terminal with colours: else pytest's letters stay.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._reporter: Any = None
        self._tests: dict[str, str] = {}
        self._is_drawn = False

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know the criteria in the order that they are checked in."""
        found = {item.nodeid: criterion_of(item) for item in session.items}
        self._tests = {test: criterion.id for test, criterion in found.items() if criterion}
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if self._is_wanted(reporter) and len(self._tests) == len(found):
            self._reporter = reporter
            vars(reporter)["_show_progress_info"] = False

    def _is_wanted(self, reporter: Any) -> bool:
        options = self._config.option
        is_captured = getattr(options, "capture", "no") != "no"  # the plugin that has the option may be off
        if reporter is None or options.collectonly or not is_captured or options.verbose != -1:
            return False
        if getattr(options, "numprocesses", None) or os.environ.get("NO_COLOR"):
            return False
        return bool(reporter.isatty and reporter._tw.hasmarkup)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Draw it for the test that begins."""
        if self._reporter is not None and nodeid in self._tests:
            width = self._reporter._tw.fullwidth - 1
            self._write(_CLEAR + drawn(list(self._tests.items()), nodeid)[:width])
            self._is_drawn = True

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self) -> Generator[None, Any, Any]:
        """No letters beside it."""
        status = yield
        return status if self._reporter is None or not status else (status[0], "", "")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Wipe it away: the report comes next."""
        self.clear()

    def clear(self) -> None:
        """Wipe it away until the next test begins."""
        if self._is_drawn:
            self._write(_CLEAR)
            self._is_drawn = False

    def _write(self, text: str) -> None:
        file = self._reporter._tw._file
        file.write(speakable(text, getattr(file, "encoding", None)))
        file.flush()


def drawn(tests: list[tuple[str, str]], current: str) -> str:
    """
    The line for the test *current* of *tests*, each with its criterion.

        A2  ━━━━━━━━━━──────────  check 3 of 14 · criterion 2 of 17, 15 left
    """
    criteria = list(dict.fromkeys(criterion for _, criterion in tests))
    names = [test for test, _ in tests]
    criterion = dict(tests)[current]
    number = criteria.index(criterion) + 1
    own = [test for test, of in tests if of == criterion]
    full = round(_CELLS * names.index(current) / len(tests))
    return (
        f"{criterion}  {'━' * full}{'─' * (_CELLS - full)}  check {own.index(current) + 1} of {len(own)} · "
        f"criterion {number} of {len(criteria)}, {len(criteria) - number} left"
    )
