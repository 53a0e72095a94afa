"""Don't change the tests. A4: at recovery_timeout after opening, and not before, a call is let through."""

import random
import time
from contextlib import contextmanager

import pytest

from labs.lab4.checks.checking import CLOSED, OPEN, START, outcome
from pytest_labkit import KitError, expect

pytestmark = pytest.mark.criterion("A4")

DAY_S = 86_400
TO_THE_INSTANT = "at recovery_timeout seconds after opening, not one moment before or after"
WAIT_S = 0.5  # of real time, where the wall clock is set
TRIES = 5


@pytest.mark.promise("A4.2", "A4.6")
def test_to_the_instant(answers, guard):
    """A millisecond before the timeout a call gets the fallback; at the timeout one is let through."""
    with answers.frozen(START) as clock:
        for timeout_s in (0.5, 1, 2.5, 60, 3600, 2 * DAY_S + 1.5):
            guarded = guard(1, timeout_s, clock=clock)
            guarded.trips()
            guarded.waits(timeout_s - 0.001)
            guarded.is_refused(perhaps=TO_THE_INSTANT)
            guarded.is_in(OPEN)
            guarded.waits(0.001)
            guarded.succeeds(perhaps=TO_THE_INSTANT)


@pytest.mark.promise("A4.2", "A4.4", "A4.5")
def test_any_wait_to_the_instant(answers, guard, seed):
    """Whatever calls and waits were before it, the next try is at the timeout, and not an instant before."""
    chance = random.Random(seed)
    with answers.frozen(START) as clock:
        guarded = guard(1, 7.5, clock=clock)
        for _ in range(30):
            guarded.trips()
            left = 60  # eighths of a second, which a float holds exactly
            while left:
                guarded.is_refused(perhaps=TO_THE_INSTANT)
                waited = min(left, chance.choice([1, 8, left - 1 or 1, left]))
                guarded.waits(waited / 8)
                left -= waited
            if chance.random() < 0.5:
                guarded.succeeds(perhaps=TO_THE_INSTANT)


@pytest.mark.promise("A4.3")
def test_any_time_later(answers, guard):
    """However long after the timeout the next call comes, it is let through."""
    with answers.frozen(START) as clock:
        guarded = guard(1, 60, clock=clock)
        for seconds in (60.5, DAY_S - 1, DAY_S, DAY_S + 10, 400 * DAY_S):
            guarded.trips()
            guarded.waits(seconds)
            guarded.succeeds(perhaps="timedelta.seconds leaves out the days: total_seconds() has them too")


@pytest.mark.promise("A4.5")
def test_calls_do_not_put_it_off(answers, guard):
    """Calls that come while it is open make the wait no longer."""
    with answers.frozen(START) as clock:
        guarded = guard(1, 10, clock=clock)
        guarded.trips()
        for _ in range(40):
            guarded.is_refused()
            guarded.waits(0.25)
        guarded.succeeds(perhaps="the wait begins when it opens, and not with each call that is refused")


@pytest.mark.promise("A4.1")
def test_the_wait_begins_when_it_opens(answers, guard):
    """The wait begins with the failure that opens it: not with the first, nor when its call began."""
    with answers.frozen(START) as clock:
        guarded = guard(3, 60, clock=clock)
        while guarded.state() == CLOSED:
            guarded.waits(20)
            _fails_after(20, guarded, clock)
        guarded.waits(59)
        guarded.is_refused(perhaps="the wait began before it was open")
        guarded.waits(1)
        guarded.succeeds()


@pytest.mark.promise("A4.4")
def test_the_wait_begins_anew(answers, guard):
    """After each trial that fails the wait is as long as the first, from the moment of that failure."""
    with answers.frozen(START) as clock:
        guarded = guard(1, 60, clock=clock)
        guarded.trips()
        guarded.waits(90)
        for _ in range(6):
            _fails_after(20, guarded, clock)
            guarded.is_refused(perhaps="the wait begins anew when the trial fails")
            guarded.waits(59)
            guarded.is_refused(perhaps="the wait begins anew when the trial fails")
            guarded.waits(1)
        guarded.succeeds(perhaps="the wait is the same each time")


def _fails_after(seconds, guarded, clock):
    """A call that is let through, takes so many *seconds*, and fails."""
    ended = []

    def slow():
        clock.tick(seconds)
        ended.append(seconds)
        raise TimeoutError("no answer")

    outcome(lambda: guarded.breaker.call(slow))
    expect(bool(ended), expected="the call to be let through, and to fail", got="it was not let through")


@pytest.mark.promise("A4.7")
@pytest.mark.parametrize(
    ("set_by_s", "after_s"),
    [(0, 0), (-3600, 0), (3600, 0), (-2 * DAY_S, WAIT_S / 2), (2 * DAY_S, WAIT_S / 2)],
)
def test_the_wall_clock_is_set(set_by_s, after_s, answers, guard):
    """The wall clock is set, back or forth: within two timeouts of real time a call is let through."""
    with _wall_clock(answers) as wall_clock:
        for _ in range(TRIES):
            wall_clock.put(0)
            guarded = guard(1, WAIT_S)
            guarded.trips()
            opened = time.monotonic()
            time.sleep(after_s)
            wall_clock.put(set_by_s)
            tried = _is_let_through(guarded)
            if time.monotonic() <= opened + WAIT_S:  # else no call came in time to notice
                break
        else:
            raise KitError(f"This machine made each of {TRIES} calls wait for {WAIT_S:g} s.", "try again")
        while not tried:
            time.sleep(0.01)
            began = time.monotonic()
            tried = _is_let_through(guarded)
            expect(
                tried or began < opened + 2 * WAIT_S,
                expected=f"a call to be let through within {2 * WAIT_S:g} s of real time",
                got=f"none, after {began - opened:.2f} s",
                perhaps="by a wall clock that was set back no time has passed for an hour",
            )


def _is_let_through(guarded):
    """Whether a call, which succeeds if it is let through, was."""
    calls = len(guarded.service.calls)
    guarded.service.will()
    outcome(lambda: guarded.breaker.call(guarded.service.pay))
    return len(guarded.service.calls) > calls


@contextmanager
def _wall_clock(answers):
    """The wall clock of the process that the answers run in: in its place before they are loaded."""
    clock = answers.beside("wall_clock")
    clock.begin()
    try:
        yield clock
    finally:
        clock.end()
