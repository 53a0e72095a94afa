"""What other plugins of pytest ask of a lab's tests: a plugin of its own, which needs none of them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_labkit.session.collection import criterion_of

RUN_AGAIN = "A test that did not pass was run again, as another plugin of pytest asked: its last run counts."

_ENDS = ("passed", "failed", "skipped")
_limit_s = pytest.StashKey[float]()


def time_limit_of(item: pytest.Item) -> float:
    """The seconds that pytest-timeout gives *item*; infinity if it says nothing."""
    return item.stash.get(_limit_s, math.inf)


def is_run_again(report: pytest.TestReport) -> bool:
    """Whether *report* is of a run that another follows (pytest-rerunfailures, pytest-retry)."""
    return report.outcome not in _ENDS


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool | None:
    """
    Take pytest-timeout's limit for one of the kit's: a test that hangs ends with its verdict.

    Its own timer and the kit's would be one and the same, of which the process has one; and its other method
    ends the process.
    """
    if criterion_of(item) is None:
        return None
    item.stash[_limit_s] = float(settings.timeout or math.inf)
    return True


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_timeout_cancel_timer(item: pytest.Item) -> bool | None:
    """There is no timer of its own to cancel."""
    return None if criterion_of(item) is None else True
