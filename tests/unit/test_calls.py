"""Calls of a student's code: what they raise, and those that go on in the background."""

from __future__ import annotations

import threading

import pytest

from pytest_labkit import KitError, Mistake
from pytest_labkit.checks.calls import Background, raised_by


def test_what_a_call_raises_is_given() -> None:
    """An exception, and nothing of a call that returns."""
    assert isinstance(raised_by(lambda: {}["key"]), KeyError)
    assert None is raised_by(lambda: 1)


@pytest.mark.parametrize(
    "error",
    [NotImplementedError("TODO A1"), KitError("TODO A1"), Mistake(checked="", expected="TODO A1", got="")],
)
def test_a_stub_and_what_is_not_the_students_go_on(error: Exception) -> None:
    """They are judged as what they are, wherever they are raised."""

    def call() -> None:
        raise error

    with pytest.raises(type(error), match="TODO A1"):
        raised_by(call)


def test_a_call_in_the_background_returns_and_raises() -> None:
    """`result` waits for what it returns, and raises what it raised."""
    assert 42 == Background(lambda: 41 + 1, 5).result()
    failed = Background(lambda: {}["key"], 5)
    with pytest.raises(KeyError, match="key"):
        failed.result()
    assert (True, True) == (failed.is_over, failed.has_failed)


def test_a_call_that_does_not_end_is_a_mistake() -> None:
    """In the words of the test, or in those that say how long it was waited for."""
    free = threading.Event()
    going = Background(free.wait, 0.01, perhaps="it waits for ever")
    with pytest.raises(Mistake, match=r"the call to end within 0.01 s.*it still runs"):
        going.result()
    assert (False, False) == (going.is_over, going.has_failed)
    free.set()
    assert True is going.result()
