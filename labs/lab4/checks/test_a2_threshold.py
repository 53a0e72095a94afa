"""Don't change the tests. A2: so many failures in a row open it, not one more and not one less."""

import random
import threading

import pytest

from labs.lab4.checks.checking import CLOSED, OPEN, START, Refused

pytestmark = pytest.mark.criterion("A2")

THREADS = 20
ENDS = "which call is first is decided by when calls end, not by when they begin"
ROW = "a success ends a row of failures: failure_count is 0 then"


@pytest.mark.promise("A2.5", "A2.6")
def test_the_last_of_a_row_opens_it(guard):
    """One failure less than failure_threshold leaves it closed; the one of that number opens it."""
    for threshold in (1, 2, 3, 7, 20):
        guarded = guard(failure_threshold=threshold)
        guarded.has_counted(0)
        for failures in range(1, threshold):
            guarded.fails()
            guarded.has_counted(failures)
            guarded.is_in(CLOSED)
        guarded.opens(1)


@pytest.mark.promise("A2.1")
def test_five_failures_and_sixty_seconds(answers, guard):
    """CircuitBreaker() opens at the fifth failure in a row, for 60 seconds."""
    with answers.frozen(START) as clock:
        guarded = guard(clock=clock)
        for _ in range(4):
            guarded.fails()
            guarded.is_in(CLOSED)
        guarded.opens(1)
        guarded.waits(55)
        guarded.is_in(OPEN)
        guarded.waits(10)
        guarded.succeeds()


@pytest.mark.promise("A2.5", "A2.6")
def test_a_success_ends_the_row(guard):
    """Failures with successes between them never open it, unless failure_threshold of them are in a row."""
    guarded = guard(3, 60)
    for failures in (1, 2, 1, 2, 2, 0, 2):
        for _ in range(failures):
            guarded.fails(perhaps=ROW)
        guarded.has_counted(failures)
        guarded.succeeds(perhaps=ROW)
        guarded.has_counted(0, perhaps=ROW)
        guarded.is_in(CLOSED)
    guarded.opens(3)


@pytest.mark.promise("A2.7")
def test_time_does_not_end_the_row(answers, guard):
    """Failures in a row count together, however much time is between them."""
    with answers.frozen(START) as clock:
        guarded = guard(3, 1, clock=clock)
        for failures in (1, 2):
            guarded.fails()
            guarded.waits(86_400)
            guarded.has_counted(failures, perhaps="only a success ends a row of failures, no time does")
        guarded.opens(1)


@pytest.mark.promise("A2.3")
def test_every_exception_is_a_failure(guard):
    """Whatever the function raises counts, an exception of a class that the breaker has never seen too."""
    guarded = guard(7, 60)
    errors = [ValueError("a"), TimeoutError("b"), KeyError("c"), OSError("d"), Refused("e"), Exception("f")]
    for failures, error in enumerate(errors, 1):
        guarded.fails(error)
        guarded.has_counted(failures, perhaps=f"a {type(error).__name__} is a failure like any other")
    guarded.opens(1)


@pytest.mark.promise("A2.4")
def test_what_is_returned_is_a_success(guard):
    """Whatever the function returns is a success: None, False, 0 and an empty list too."""
    guarded = guard(2, 60)
    for answer in (None, False, 0, "", [], {}):
        guarded.fails()
        guarded.succeeds(answer)
        guarded.has_counted(0, perhaps=f"a function that returns {answer!r} has not failed")


@pytest.mark.promise("A2.5")
def test_it_counts_anew_when_it_has_closed(answers, guard):
    """Closed again, it takes failure_threshold failures in a row to open it, as the first time."""
    with answers.frozen(START) as clock:
        guarded = guard(3, 10, clock=clock)
        guarded.opens(3)
        guarded.waits(11)
        guarded.closes()
        guarded.has_counted(0)
        for failures in (1, 2):
            guarded.fails(perhaps="failures from before it opened are counted still")
            guarded.has_counted(failures)
            guarded.is_in(CLOSED)
        guarded.opens(1)


@pytest.mark.promise("A2.2")
def test_breakers_share_nothing(guard):
    """What happens to one breaker is nothing to another one."""
    one, other = guard(2, 60), guard(2, 60)
    one.opens(2)
    other.is_in(CLOSED, perhaps="a value that belongs to the class belongs to all breakers")
    other.has_counted(0)
    other.succeeds()
    one.is_in(OPEN)
    guard(2, 60).is_in(CLOSED)


@pytest.mark.promise("A2.5", "A2.6")
def test_any_row_of_calls(guard, seed):
    """After any successes and failures failure_count is that of the row, and the last of a row opens it."""
    chance = random.Random(seed)
    for threshold in (1, 2, 3, 4, 5, 6):
        guarded, failures = guard(threshold, 60), 0
        while failures < threshold:
            guarded.is_in(CLOSED)
            guarded.has_counted(failures)
            if chance.random() < 0.3:
                guarded.succeeds()
                failures = 0
            else:
                guarded.fails()
                failures += 1
        guarded.is_in(OPEN)


@pytest.mark.promise("A2.8")
@pytest.mark.parametrize("ends", ["succeeds", "fails"])
def test_the_end_of_a_call_counts(ends, guard, calling):
    """A call that began before two others failed, and ends after them, comes after them in the row."""
    guarded = guard(3, 60)
    early = calling(guarded.breaker).is_let_through()
    for _ in range(2):
        calling(guarded.breaker, fails=True).fails()
    getattr(early, ends)()
    if ends == "succeeds":
        guarded.has_counted(0, perhaps=ENDS)
        guarded.is_in(CLOSED)
    else:
        guarded.is_in(OPEN, perhaps=ENDS)


@pytest.mark.promise("A2.9")
@pytest.mark.parametrize("spared", [0, 1])
def test_failures_of_many_threads(spared, guard, calling, held_up):
    """Calls of 20 threads that fail at the same moment are all counted."""
    guarded = guard(THREADS + spared, 60)
    guarded.fails()
    guarded.succeeds()
    gate = threading.Barrier(THREADS)
    with held_up():
        calls = [calling(guarded.breaker, gate, fails=True) for _ in range(THREADS)]
    for call in calls:
        call.fails()
    if spared:
        guarded.is_in(CLOSED)
        guarded.has_counted(THREADS, perhaps="two threads read the same count, and each adds one to it")
        guarded.fails()
    guarded.is_in(OPEN, perhaps="two threads read the same count, and each adds one to it")
