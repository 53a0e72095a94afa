"""
The process of pytest, lent to a student's code in the door `direct`: put back after each test.

A plugin of its own, whose wrappers are the innermost: pytest's own, which capture what is printed, are around
them.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pytest_labkit.host.process_state import Loan

_loan = pytest.StashKey[Loan]()


class Loans:
    """The loans of a run, and what they left behind."""

    def __init__(self, config: pytest.Config) -> None:
        self._is_the_program = _is_pytest(Path(sys.argv[0]))
        self._config = config
        self._left: list[Any] = []
        self._code: Callable[[], int] = lambda: 0

    def begin(self, item: pytest.Item) -> None:
        """From now on the answers that *item* is about may run here."""
        item.stash[_loan] = Loan()

    def end(self, item: pytest.Item) -> None:
        """They do not any more."""
        if (loan := item.stash.get(_loan, None)) is not None:
            loan.put_back()
            self._left += loan.left()
            del item.stash[_loan]

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Return the streams, and after a setup that failed all of it: the test is judged next."""
        try:
            return (yield)
        except BaseException:
            _return(item, all_of_it=True)
            raise
        finally:
            _return(item, all_of_it=False)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Lend it to the test itself."""
        _lend(item)
        try:
            return (yield)
        finally:
            _return(item, all_of_it=True)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Lend the streams; the rest is put back in the order of the fixtures."""
        loan = _lend(item)
        try:
            return (yield)
        finally:
            if loan is not None:
                loan.return_streams()

    def still_running(self) -> list[str]:
        """The names of what was left and runs still."""
        return sorted({one.name for one in self._left if one.is_alive()})

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """The exit code is the session's."""
        self._code = lambda: int(session.exitstatus)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Do not wait for what was left, where the process is pytest's own."""
        if self._is_the_program and self.still_running():
            with suppress(AttributeError, RuntimeError):  # Python's own, and not documented
                threading._register_atexit(lambda: _end_now(self._code(), self._left))  # type: ignore[attr-defined]


def _lend(item: pytest.Item) -> Loan | None:
    loan = item.stash.get(_loan, None)
    if loan is not None:
        loan.lend_streams()
    return loan


def _return(item: pytest.Item, *, all_of_it: bool) -> None:
    if (loan := item.stash.get(_loan, None)) is not None:
        loan.return_streams()
        if all_of_it:
            loan.put_back()


def _is_pytest(program: Path) -> bool:
    return program.stem in ("pytest", "py.test") or program.parts[-2:] == ("pytest", "__main__.py")


def _end_now(code: int, left: Iterable[Any]) -> None:
    """End this process, before Python waits for its threads."""
    for one in left:
        if isinstance(one, multiprocessing.process.BaseProcess):
            one.kill()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)
