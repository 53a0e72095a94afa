"""Don't change the tests. C1: metrics tell of every change of state and of every call, at once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from labs.lab4.checks.checking import CLOSED, HALF_OPEN, OPEN, START, Guarded, Refused, outcome

pytestmark = [pytest.mark.criterion("C1")]
THREADS, CALLS = 50, 20


@pytest.mark.promise("C1.1", "C1.2")
def test_the_state_is_told_from_the_first(answers: Any, watched: Callable[..., Any]) -> None:
    """A breaker that was never called is told as CLOSED, and with no call counted."""
    with answers.frozen(START) as clock:
        _, metrics = watched("payment", 3, 30, clock=clock)
        metrics.state_is(CLOSED)
        metrics.calls()
        metrics.transitions()


@pytest.mark.promise("C1.1", "C1.3", "C1.6")
def test_every_transition_is_told_at_once(answers: Any, watched: Callable[..., Any]) -> None:
    """After each change of state the metrics, read at once, tell the new one, and have counted the change."""
    with answers.frozen(START) as clock:
        guarded, metrics = watched("payment", 3, 30, clock=clock)
        guarded.opens(3)
        metrics.state_is(OPEN)
        metrics.transitions(CLOSED__OPEN=1)
        guarded.waits(30)
        guarded.fails()
        metrics.state_is(OPEN)
        metrics.transitions(CLOSED__OPEN=1, OPEN__HALF_OPEN=1, HALF_OPEN__OPEN=1)
        guarded.waits(30)
        guarded.succeeds()
        metrics.state_is(CLOSED)
        metrics.transitions(CLOSED__OPEN=1, OPEN__HALF_OPEN=2, HALF_OPEN__OPEN=1, HALF_OPEN__CLOSED=1)
        guarded.opens(3)
        metrics.transitions(CLOSED__OPEN=2, OPEN__HALF_OPEN=2, HALF_OPEN__OPEN=1, HALF_OPEN__CLOSED=1)


@pytest.mark.promise("C1.1", "C1.6")
def test_half_open_is_told_while_the_trial_runs(answers: Any, watched: Callable[..., Any]) -> None:
    """Read from inside of the function that is called on trial, the state is HALF_OPEN."""
    with answers.frozen(START) as clock:
        guarded, metrics = watched("payment", 1, 30, clock=clock)
        guarded.opens(1)
        guarded.waits(30)
        guarded.breaker.call(lambda: metrics.state_is(HALF_OPEN))
        metrics.state_is(CLOSED)


@pytest.mark.promise("C1.4", "C1.6")
def test_calls_are_counted_by_outcome(answers: Any, watched: Callable[..., Any]) -> None:
    """A call that was let through is a success or a failure; one that was not is rejected, and neither."""
    with answers.frozen(START) as clock:
        guarded, metrics = watched("payment", 2, 30, clock=clock)
        for _ in range(4):
            guarded.succeeds()
        guarded.fails()
        guarded.succeeds()
        guarded.opens(2)
        metrics.calls(success=5, failure=3)
        for _ in range(6):
            guarded.is_refused()
        metrics.calls(success=5, failure=3, rejected=6)
        guarded.waits(30)
        guarded.succeeds()
        metrics.calls(success=6, failure=3, rejected=6)


@pytest.mark.promise("C1.7")
def test_reading_changes_nothing(answers: Any, watched: Callable[..., Any]) -> None:
    """Metrics are read again and again, also when the timeout is over: the trial is there for a call."""
    with answers.frozen(START) as clock:
        guarded, metrics = watched("payment", 1, 30, clock=clock)
        guarded.opens(1)
        for _ in range(5):
            metrics.state_is(OPEN)
        guarded.waits(30)
        for _ in range(5):
            metrics.state_is(OPEN, HALF_OPEN)
        calls = len(guarded.service.calls)
        metrics.calls(failure=calls)
        guarded.succeeds()
        metrics.state_is(CLOSED)


@pytest.mark.promise("C1.5")
def test_breakers_are_told_apart(answers: Any, watched: Callable[..., Any]) -> None:
    """Each of two breakers has its own series."""
    with answers.frozen(START) as clock:
        payment, of_payment = watched("payment", 1, 30, clock=clock)
        stock, of_stock = watched("stock", 1, 30, clock=clock)
        payment.opens(1)
        stock.succeeds()
        of_payment.state_is(OPEN)
        of_stock.state_is(CLOSED)
        of_payment.calls(failure=1)
        of_stock.calls(success=1)
        of_stock.transitions()


@pytest.mark.promise("C1.8")
def test_calls_of_many_threads_are_all_counted(
    watched: Callable[..., Any], held_up: Callable[[], Any]
) -> None:
    """Fifty threads call at the same time: the metrics have counted what the function saw."""
    guarded, metrics = watched("payment", 10**6, 30)
    with held_up():
        seen = _hammered(guarded)
    metrics.calls(success=seen.count(True), failure=seen.count(False))
    metrics.transitions()


@pytest.mark.promise("C1.3", "C1.8")
def test_one_trip_is_one_transition(watched: Callable[..., Any]) -> None:
    """Fifty threads fail at the same time: it opens once, and calls not let through are rejected."""
    guarded, metrics = watched("payment", 10, 3600)
    seen = _hammered(guarded, failing=True)
    metrics.state_is(OPEN)
    metrics.transitions(CLOSED__OPEN=1)
    metrics.calls(failure=len(seen), rejected=THREADS * CALLS - len(seen))


def _hammered(guarded: Guarded, *, failing: bool = False) -> list[bool]:
    """Whether each call that reached the function succeeded, of many threads' that begin together."""
    seen: list[bool] = []
    begin = threading.Barrier(THREADS)

    def pay(good: bool) -> None:
        seen.append(good)
        if not good:
            raise Refused("no money")

    def call(number: int) -> None:
        begin.wait()
        for turn in range(CALLS):
            good = not failing and (number + turn) % 3 != 0
            outcome(lambda good=good: guarded.breaker.call(pay, good))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen
