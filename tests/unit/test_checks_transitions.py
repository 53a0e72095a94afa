"""The judge of states, on a breaker's states written by hand."""

from __future__ import annotations

import pytest
from histories import history as written
from histories import told

from pytest_labkit.checks.history import Operation
from pytest_labkit.checks.transitions import wrong_transition

BREAKER = {"CLOSED": ["OPEN"], "OPEN": ["HALF_OPEN"], "HALF_OPEN": ["CLOSED", "OPEN"]}


def seen(text: str) -> list[Operation]:
    """`t1 0-1 state() ok: CLOSED`"""
    return written(text, listed=False)


def in_turn(*states: str) -> list[Operation]:
    """One observer's *states*, a second apart."""
    return seen("\n".join(f"t1 {n}000-{n}001 state() ok: {state}" for n, state in enumerate(states)))


@pytest.mark.parametrize(
    "states",
    [
        [],
        ["CLOSED", "CLOSED"],
        ["CLOSED", "OPEN", "HALF_OPEN", "OPEN", "HALF_OPEN", "CLOSED", "OPEN"],
    ],
    ids=["nothing", "one state", "round and round"],
)
def test_allowed_states_are_no_anomaly(states: list[str]) -> None:
    """A state may last, and be followed by those that are allowed after it."""
    assert wrong_transition(in_turn(*states), BREAKER, first="CLOSED") is None


def test_wrong_transition() -> None:
    """A state after one that it may not follow is shown with it."""
    assert told(wrong_transition(in_turn("CLOSED", "OPEN", "CLOSED"), BREAKER)) == (
        "wrong transition",
        "HALF_OPEN after OPEN",
        "CLOSED",
        ["t1", "t1"],
    )


def test_a_state_that_nothing_follows() -> None:
    """Where no state may follow, that is what is said."""
    found = wrong_transition(in_turn("done", "again"), {"done": [], "again": []})
    assert told(found)[1] == "no other state after done"


def test_wrong_first_state() -> None:
    """A breaker begins closed."""
    found = told(wrong_transition(in_turn("OPEN"), BREAKER, first="CLOSED"))
    assert found == ("wrong state", "CLOSED at first", "OPEN", ["t1"])


def test_unknown_state() -> None:
    """A name that is no state is shown by itself, the shortest evidence there is."""
    found = told(wrong_transition(in_turn("CLOSED", "closed"), BREAKER))
    assert found == ("wrong state", "one of CLOSED, OPEN, HALF_OPEN", "closed", ["t1"])


def test_each_observer_is_judged_for_itself() -> None:
    """What two threads saw at about the same time has no order between them."""
    observations = seen("""
        t1 0-10 state() ok: OPEN
        t2 1-2 state() ok: CLOSED
        t1 11-12 state() ok: HALF_OPEN
        t3 12-13 state() unknown
    """)
    assert wrong_transition(observations, BREAKER) is None


STAYS = {("OPEN", "HALF_OPEN"): 60.0}


def test_too_soon() -> None:
    """A state that was left before its time, measured from when it was last seen not to be in it."""
    observations = seen("""
        t1 0-1 state() ok: CLOSED
        t1 1000-1001 state() ok: OPEN
        t1 30000-30001 state() ok: OPEN
        t1 58999-59000 state() ok: HALF_OPEN
    """)
    assert told(wrong_transition(observations, BREAKER, stays_s=STAYS)) == (
        "too soon",
        "HALF_OPEN after 60 s of OPEN, not before",
        "after 59 s at most",
        ["t1", "t1", "t1"],
    )


def test_what_may_have_lasted_long_enough_is_not_too_soon() -> None:
    """Between two looks nobody knows when it changed; and of the first state nobody knows since when."""
    observations = seen("""
        t1 0-1 state() ok: CLOSED
        t1 30000-30001 state() ok: OPEN
        t1 60000-60001 state() ok: HALF_OPEN
    """)
    assert wrong_transition(observations, BREAKER, stays_s=STAYS) is None
    assert wrong_transition(observations[1:], BREAKER, stays_s=STAYS) is None
