"""Calls of a student's code: what they raise, and those that go on while a test does something else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from typing import Any

from pytest_labkit.domain.errors import KitError, Mistake
from pytest_labkit.domain.expectation import expect
from pytest_labkit.host.concurrently import begin


def raised_by(call: Callable[[], Any]) -> Exception | None:
    """What *call* raises; a stub's `NotImplementedError`, a mistake and the kit's own errors go on."""
    try:
        call()
    except (NotImplementedError, KitError, Mistake):
        raise
    except Exception as error:  # of whatever class: a library's own does not cross from another process
        return error
    return None


class Background:
    """
    *call*, in a thread of its own, which does not keep the process from ending.

    Args:
        call: What is called.
        within_s: How long `result` waits.
        expected: What is expected of a call that takes longer; its end within that time if left out.
        got: What is said of it.
        perhaps: Why it may be.
    """

    def __init__(
        self,
        call: Callable[[], Any],
        within_s: float,
        *,
        expected: str | None = None,
        got: str = "it still runs",
        perhaps: str | None = None,
    ) -> None:
        self._within_s = within_s
        self._expected = expected or f"the call to end within {within_s:g} s"
        self._got, self._perhaps = got, perhaps
        self._future = begin(call)

    @property
    def is_over(self) -> bool:
        """Whether it has returned or raised."""
        return self._future.done()

    @property
    def has_failed(self) -> bool:
        """Whether it has raised."""
        return self.is_over and self._future.exception() is not None

    def wait(self, seconds: float) -> None:
        """Wait for its end, so many *seconds* at most."""
        wait([self._future], seconds)

    def result(self) -> Any:
        """What it returned; waits for it, and raises what it raised."""
        self.wait(self._within_s)
        expect(self.is_over, expected=self._expected, got=self._got, perhaps=self._perhaps)
        return self._future.result()
