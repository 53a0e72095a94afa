"""Don't change the tests. A5: who is not let through gets the fallback, who is gets the function's own."""

import itertools

import pytest

from labs.lab4.checks.checking import OPEN, START, Guarded, Refused, outcome, told
from pytest_labkit import expect

pytestmark = pytest.mark.criterion("A5")

OWN = "call returns what self._fallback() returns, which a subclass may have written anew"


@pytest.fixture
def guard_with(answers):
    """Makes a breaker of a subclass with a fallback of its own: `guard_with(fallback, 2, 60, clock)`."""

    def made(fallback, failure_threshold, recovery_timeout, clock):
        callers = answers.beside("callers")
        breaker = callers.with_fallback(fallback, failure_threshold, recovery_timeout)
        return Guarded(breaker, callers, clock)

    return made


@pytest.mark.promise("A5.4", "A5.6")
def test_what_the_fallback_returns(answers, guard_with):
    """While it is open, call returns what _fallback() returns, whatever that is."""
    with answers.frozen(START) as clock:
        for value in ({"status": "later"}, "later", [1, 2], 7, 0, "", False, None, [], {}):
            guarded = guard_with(lambda v=value: v, 1, 60, clock)
            guarded.trips()
            for _ in range(2):
                expect.equal(value, guarded.falls_back(), perhaps=OWN)


@pytest.mark.promise("A5.5")
def test_each_call_asks_for_it(answers, guard_with):
    """Each call that is not let through asks for the fallback anew."""
    with answers.frozen(START) as clock:
        numbers = itertools.count(1)
        guarded = guard_with(lambda: next(numbers), 1, 60, clock)
        guarded.trips()
        got = [guarded.falls_back() for _ in range(4)]
        is_anew = all(type(number) is int for number in got) and got == sorted(set(got))
        expect(is_anew, expected="a fallback made for each call, such as [1, 2, 3, 4]", got=f"{got!r}")


@pytest.mark.promise("A5.7")
def test_the_lab_s_own_fallback(answers, guard):
    """The breaker as it is has a fallback too: while it is open, call returns."""
    with answers.frozen(START) as clock:
        guarded = guard(2, 60, clock=clock)
        guarded.trips()
        guarded.falls_back()


@pytest.mark.promise("A5.2", "A5.4")
def test_while_another_call_tries(answers, guard_with):
    """In HALF_OPEN the others get the fallback, and the one that tries gets what the function gave."""
    with answers.frozen(START) as clock:
        guarded = guard_with(lambda: "later", 2, 60, clock)
        guarded.trips()
        guarded.waits(61)
        guarded.service.will()

        def slow():
            for _ in range(2):
                calls = len(guarded.service.calls)
                got = guarded.breaker.call(guarded.service.pay)
                if len(guarded.service.calls) == calls:  # that it has to be refused is A3's matter
                    expect.equal("later", got, perhaps=OWN)
            return "paid too"

        expect.equal("paid too", guarded.breaker.call(slow))


@pytest.mark.promise("A5.3")
def test_errors_are_the_function_s_own(answers, guard):
    """A call that is let through raises what the function raised, the one that opens it and a trial too."""
    with answers.frozen(START) as clock:
        for error in (ConnectionError("a"), ValueError("b"), Refused("c"), OSError(5, "d"), Exception("e")):
            guard(3, 60, clock=clock).raises(error)
            guarded = guard(1, 60, clock=clock)
            guarded.raises(error)
            guarded.waits(61)
            guarded.raises(error)


@pytest.mark.promise("A5.1", "A5.2")
def test_arguments_and_results_are_handed_on(answers, guard):
    """The function gets the arguments of the call, and the call returns what the function returns."""
    with answers.frozen(START) as clock:
        guarded = guard(20, 60, clock=clock)
        for state in ("CLOSED", "HALF_OPEN"):
            guarded.returns({"id": 1}, 1, "two", [3], amount=4.5, currency="EUR")
            guarded.returns(None)
            guarded.returns([], None)
            guarded.returns(0, items=())
            guarded.returns(False)
            if state == "CLOSED":
                guarded = guard(7, 60, clock=clock)
                guarded.trips()
                guarded.waits(61)


@pytest.mark.promise("A5.2", "A5.3")
@pytest.mark.parametrize("ends", ["returns", "raises"])
def test_late_calls_get_their_own(ends, answers, guard, calling):
    """A call that began in CLOSED, and ends in OPEN or HALF_OPEN, gives what the function gave."""
    with answers.frozen(START) as clock:
        guarded = guard(1, 60, clock=clock)
        late = [calling(guarded.breaker).is_let_through() for _ in range(2)]
        calling(guarded.breaker, fails=True).raises()
        getattr(late[0], ends)()
        guarded.waits(61)
        trial = calling(guarded.breaker).is_let_through()
        getattr(late[1], ends)()
        getattr(trial, ends)()


@pytest.mark.promise("A5.8")
def test_a_fallback_that_raises(answers, guard_with):
    """What _fallback raises, call raises; it is no failure of the function, and the wait goes on."""
    error = LookupError("nothing in the cache")

    def broken():
        raise error

    with answers.frozen(START) as clock:
        guarded = guard_with(broken, 2, 60, clock)
        guarded.trips()
        for _ in range(6):
            _, raised = outcome(lambda: guarded.breaker.call(guarded.service.pay))
            expect(
                raised is error, expected="what _fallback() raised, the very same object", got=told(raised)
            )
            guarded.is_in(OPEN)
            guarded.waits(10)
        guarded.waits(1)
        guarded.succeeds(perhaps="the error of a fallback is no failure: it does not begin the wait anew")
