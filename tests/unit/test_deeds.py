"""What a check has broken on purpose is said, and no address is blamed for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_labkit.domain.errors import Mistake
from pytest_labkit.domain.model import Verdict
from pytest_labkit.faults import deeds
from pytest_labkit.faults.undo import Fault
from pytest_labkit.runs.verdicts import judge


class Harmless(Fault):
    """A fault that breaks nothing."""

    def _begin(self) -> None:
        pass

    def _end(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _a_test_begins() -> Iterator[None]:
    deeds.forget()
    yield
    deeds.forget()


def fault(told: str) -> Harmless:
    """A fault that is told as that."""
    return Harmless([], "name", told, cuts=told != "a request is late")


def raised_while(broken: str) -> BaseException:
    """What is raised while that is broken."""
    try:
        with fault(broken):
            _connect()
    except ConnectionRefusedError as error:
        return error
    raise AssertionError("unreachable")


def _connect() -> None:
    raise ConnectionRefusedError("[Errno 111] Connection refused")


def test_nothing_broken_is_nothing_said() -> None:
    """An empty text."""
    assert "" == deeds.told(ValueError())


def test_a_fault_that_the_error_went_through_is_told() -> None:
    """It has ended by the time that the verdict is given."""
    error = raised_while("connections to redis are refused")
    assert "on purpose, by the check: connections to redis are refused" == deeds.told(error)


def test_a_fault_that_had_ended_is_told_as_before() -> None:
    """A connection may have died of it."""
    with fault("redis is killed"):
        pass
    error = raised_while("replies of dynamodb are lost")
    assert (
        "on purpose, by the check: replies of dynamodb are lost; "
        "before, on purpose, by the check: redis is killed" == deeds.told(error)
    )


def test_what_cuts_nothing_is_over_when_it_is_over() -> None:
    """A request that was late says nothing of what comes after it."""
    with fault("a request is late"):
        pass
    assert "" == deeds.told(ValueError())


def test_a_fault_of_the_test_before_is_not_told() -> None:
    """Each test begins with nothing broken."""
    error = raised_while("redis is killed")
    deeds.forget()
    assert "" == deeds.told(error)


@pytest.mark.parametrize(
    ("broke", "perhaps"),
    [
        ("", "nothing listens at that address"),
        ("on purpose, by the check: connections to dynamodb are refused", None),
    ],
)
def test_no_address_is_guessed_at_while_a_fault_is_on(broke: str, perhaps: str | None) -> None:
    """The guess is made only where the check has broken nothing."""
    verdict, message = judge(
        raised_while("x"),
        checked="it",
        answers={__file__: "store.py"},
        broken=lambda: None,
        look_at=lambda _: None,
        broke=broke,
    )
    assert (Verdict.ERROR, broke) == (verdict, message.broken)
    assert perhaps is None if message.perhaps is None else str(message.perhaps).startswith(str(perhaps))


def test_what_the_check_itself_supposes_stays() -> None:
    """An author's words know of the fault."""
    mistake = Mistake(checked="it", expected="e", got="g", perhaps="the answer is made from the event store")
    _, message = judge(
        mistake,
        checked="it",
        answers={},
        broken=lambda: None,
        look_at=lambda _: None,
        broke="redis is killed",
    )
    assert "the answer is made from the event store" == message.perhaps
