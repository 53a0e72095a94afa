"""Don't change the tests. A3: one call tries, the others get the fallback; late calls change nothing."""

import threading

import pytest

from labs.lab4.checks.checking import DEADLINE_S, OPEN, START, outcome, told
from pytest_labkit import expect

pytestmark = pytest.mark.criterion("A3")

THREADS = 50
ROUNDS = 4
AGAIN_S = 7200.0  # the timeout is long over: when exactly is A4's matter
LATE = "a call that was let through while it was CLOSED says nothing about now"


@pytest.fixture
def opened(guard, calling):
    """
    Makes a breaker that is open for 60 s, with calls that began before: `opened(clock, late=2)`.

    Returns it, and the calls, which are in the function still.
    """

    def made(clock, late=0):
        guarded = guard(3, 60, clock=clock)
        calls = [calling(guarded.breaker).is_let_through() for _ in range(late)]
        guarded.trips()
        return guarded, calls

    return made


@pytest.mark.promise("A3.2")
def test_others_are_refused_while_it_runs(answers, opened, calling):
    """While the one call runs, however long, every other call gets the fallback; then it closes."""
    with answers.frozen(START) as clock:
        guarded, _ = opened(clock)
        guarded.waits(61)
        trial = calling(guarded.breaker).is_let_through()
        tries = guarded.state()
        for seconds in (0, 1, 59, 60, 600, 86_400):
            guarded.waits(seconds)
            calling(guarded.breaker).is_refused(
                perhaps="HALF_OPEN lets one call through, and no other before it ends"
            )
            guarded.is_in(tries)
        trial.succeeds()
        guarded.succeeds()


@pytest.mark.promise("A3.3")
def test_the_turn_is_given_back(answers, opened, calling):
    """After a trial that fails, another is let through a timeout later, until one succeeds."""
    with answers.frozen(START) as clock:
        guarded, _ = opened(clock)
        for _ in range(5):
            guarded.waits(AGAIN_S)
            trial = calling(guarded.breaker).is_let_through(
                perhaps="the turn of a call that failed is not free"
            )
            calling(guarded.breaker).is_refused()
            trial.fails()
        guarded.waits(AGAIN_S)
        guarded.succeeds()


@pytest.mark.promise("A3.1", "A3.2")
@pytest.mark.parametrize("ends", ["succeeds", "fails"])
def test_one_of_fifty_threads(ends, answers, opened, calling, held_up):
    """Of 50 threads that call when the timeout is over, one reaches the function; 49 do not wait for it."""
    with answers.frozen(START) as clock, held_up():
        guarded, _ = opened(clock)
        for _ in range(ROUNDS):
            guarded.waits(AGAIN_S)
            gate = threading.Barrier(THREADS)
            calls = [calling(guarded.breaker, gate) for _ in range(THREADS)]
            trial = one_of(calls)
            getattr(trial, ends)()
            if ends == "succeeds":
                guarded.trips()


def one_of(calls):
    """The one of *calls* that is in the function, where all the others have returned already."""
    all_decided = all(call.is_decided() for call in calls)
    entered = [call for call in calls if call.entered]
    expect(
        len(entered) == 1,
        expected=f"1 of {len(calls)} calls to reach the function",
        got=f"{len(entered)}",
        perhaps="between asking for the state and setting it, another thread asks as well",
    )
    expect(
        all_decided,
        expected="the others to return while that one runs",
        got=f"one that still waits after {DEADLINE_S:g} s",
        perhaps="a lock is held while the function runs",
    )
    for call in calls:
        if call is not entered[0]:
            call.is_refused()
    return entered[0]


@pytest.mark.promise("A3.4")
def test_calls_run_side_by_side(answers, opened, calling):
    """While it is CLOSED, 8 calls are in the function at the same time; also after it was open."""
    with answers.frozen(START) as clock:
        guarded, _ = opened(clock)
        guarded.waits(61)
        guarded.closes()
        calls = [calling(guarded.breaker).is_let_through() for _ in range(8)]
        for call in calls:
            call.succeeds()


@pytest.mark.promise("A3.5")
def test_a_call_in_a_call(answers, guard):
    """A function that itself makes a call through the breaker gets through."""
    guarded = guard(3, 60)

    def outer():
        return guarded.breaker.call(guarded.service.pay)

    _, error = outcome(lambda: guarded.breaker.call(outer))
    expect(
        error is None and len(guarded.service.calls) == 1,
        expected="the inner call to be let through, and both to end",
        got=f"the function was called {len(guarded.service.calls)} times, {told(error)}",
    )


@pytest.mark.promise("A3.6")
@pytest.mark.parametrize("ends", ["succeeds", "fails"])
def test_late_calls_while_it_is_open(ends, answers, opened):
    """A call that began in CLOSED ends in OPEN: it stays open, and neither longer nor shorter."""
    with answers.frozen(START) as clock:
        for ends_s in (0, 30, 50):
            guarded, (late,) = opened(clock, late=1)
            guarded.waits(ends_s)
            getattr(late, ends)()
            guarded.is_in(OPEN, perhaps=LATE)
            guarded.waits(65 - ends_s)
            guarded.succeeds(perhaps=LATE)
            guarded, (late,) = opened(clock, late=1)
            guarded.waits(ends_s)
            getattr(late, ends)()
            guarded.waits(55 - ends_s)
            guarded.is_refused(perhaps=LATE)
        guarded, (late,) = opened(clock, late=1)
        guarded.waits(65)
        getattr(late, ends)()  # it may be OPEN still, or HALF_OPEN
        guarded.succeeds(perhaps=LATE)


@pytest.mark.promise("A3.7")
@pytest.mark.parametrize("trial_ends", ["succeeds", "fails"])
@pytest.mark.parametrize("ends", ["succeeds", "fails"])
def test_late_calls_while_it_is_half_open(ends, trial_ends, answers, opened, calling):
    """A call that began in CLOSED ends in HALF_OPEN: the one call that tries decides, and it alone."""
    with answers.frozen(START) as clock:
        guarded, late = opened(clock, late=4)
        guarded.waits(61)
        trial = calling(guarded.breaker).is_let_through()
        tries = guarded.state()
        for call in late:
            getattr(call, ends)()
            guarded.is_in(tries, perhaps=LATE)
            calling(guarded.breaker).is_refused(perhaps=LATE)
            guarded.waits(1)
        getattr(trial, trial_ends)()
        if trial_ends == "fails":
            guarded.waits(AGAIN_S)
        guarded.succeeds()


@pytest.mark.promise("A3.6")
def test_late_calls_of_an_earlier_time(answers, opened):
    """A call that began in CLOSED ends when it has closed and opened again: it stays open."""
    with answers.frozen(START) as clock:
        guarded, (one, other) = opened(clock, late=2)
        guarded.waits(61)
        guarded.closes()
        guarded.trips()
        one.succeeds()
        guarded.is_in(OPEN, perhaps=LATE)
        guarded.waits(40)
        other.fails()
        guarded.is_in(OPEN, perhaps=LATE)
        guarded.waits(25)
        guarded.succeeds(perhaps=LATE)
