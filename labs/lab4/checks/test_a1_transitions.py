"""
Don't change the tests. A1: the breaker goes from state to state as it is drawn.

How many failures open it is A2's matter, the instant of the next try A4's, what a call gives A5's.
"""

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from labs.lab4.checks.checking import CLOSED, HALF_OPEN, OPEN, START, WAITING
from pytest_labkit import expect

pytestmark = pytest.mark.criterion("A1")

SETTINGS = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
TIMEOUTS_S = (1, 2.5, 30)
ERRORS = st.sampled_from([OSError, TimeoutError, ConnectionError])
LONG_S = 7200.0
MANY = 200


@pytest.mark.promise("A1.1", "A1.5", "A1.6", "A1.7")
@pytest.mark.parametrize("ends", ["succeeds", "fails"])
def test_once_around(ends, answers, guard, calling):
    """CLOSED, OPEN, HALF_OPEN while the function runs that is let through, OPEN if it fails, else CLOSED."""
    with answers.frozen(START) as clock:
        guarded = guard(3, 30, clock=clock)
        guarded.is_in(CLOSED)
        guarded.trips()
        guarded.waits(31)
        trial = calling(guarded.breaker).is_let_through()
        guarded.is_in(HALF_OPEN)
        getattr(trial, ends)()
        if ends == "succeeds":
            guarded.is_in(CLOSED, perhaps="one success is enough")
        else:
            guarded.is_in(OPEN, perhaps="in HALF_OPEN one failure is enough")


@pytest.mark.promise("A1.2")
def test_looking_changes_nothing(answers, guard):
    """However often state and failure_count are read, the next call is let through, or not, all the same."""
    with answers.frozen(START) as clock:
        guarded = guard(2, 60, clock=clock)
        guarded.fails()
        counted = guarded.breaker.failure_count
        for _ in range(5):
            expect.equal(counted, guarded.breaker.failure_count)
        guarded.trips()
        for _ in range(5):
            guarded.is_in(OPEN)
        guarded.is_refused()
        guarded.waits(61)
        for _ in range(5):
            guarded.is_in(*WAITING)
        guarded.succeeds(perhaps="who reads state takes the turn of the call that is to be let through")


@pytest.mark.promise("A1.3")
def test_a_closed_breaker_lets_all_through(answers, guard):
    """While it is CLOSED a hundred calls reach the function, and all at one instant."""
    with answers.frozen(START) as clock:
        guarded = guard(3, 60, clock=clock)
        for _ in range(MANY // 2):
            guarded.succeeds()
        guarded.is_in(CLOSED)


@pytest.mark.promise("A1.4")
def test_an_open_breaker_spares_the_function(answers, guard):
    """While it is OPEN, two hundred calls do not reach the function, and it stays OPEN."""
    with answers.frozen(START) as clock:
        guarded = guard(3, 60, clock=clock)
        guarded.trips()
        for _ in range(MANY):
            guarded.is_refused()
        guarded.is_in(OPEN)


class Sequences(RuleBasedStateMachine):
    """
    A breaker beside a model of it: a state, and whether the timeout is over.

    Waits are well below the timeout or far beyond it. In CLOSED, where a failure may open it or not, the
    model goes where the breaker goes.
    """

    guard = clock = None

    @initialize(threshold=st.integers(1, 4), timeout_s=st.sampled_from(TIMEOUTS_S))
    def made(self, threshold, timeout_s):
        self.timeout_s = timeout_s
        self.guarded = self.guard(failure_threshold=threshold, recovery_timeout=timeout_s, clock=self.clock)
        self.state, self.is_over, self.waited_s = CLOSED, False, 0.0
        self.is_as_the_model()

    @rule()
    def a_call_whose_function_returns(self):
        if self.is_refused():
            return
        self.guarded.succeeds()
        self.state = CLOSED
        self.is_as_the_model()

    @rule(error=ERRORS)
    def a_call_whose_function_raises(self, error):
        if self.is_refused():
            return
        self.guarded.fails(error("out of order"))
        if self.state == OPEN or self.guarded.state() != CLOSED:
            self.opened()
        self.is_as_the_model()

    @precondition(lambda self: self.state == CLOSED)
    @rule()
    def failures_until_it_opens(self):
        self.guarded.trips()
        self.opened()

    @precondition(lambda self: self.state == CLOSED or self.waited_s < self.timeout_s / 2)
    @rule()
    def a_wait_for_an_eighth_of_the_timeout(self):
        self.guarded.waits(self.timeout_s / 8)
        self.waited_s += self.timeout_s / 8
        self.is_as_the_model()

    @rule()
    def a_wait_until_long_after_the_timeout(self):
        self.guarded.waits(LONG_S)
        self.is_over = True
        self.is_as_the_model()

    def opened(self):
        self.state, self.is_over, self.waited_s = OPEN, False, 0.0

    def is_refused(self):
        """Whether the model lets no call through; then the breaker must not, either."""
        if self.state != OPEN or self.is_over:
            return False
        self.guarded.is_refused()
        self.is_as_the_model()
        return True

    def is_as_the_model(self):
        if self.state == CLOSED:
            self.guarded.is_in(CLOSED)
        else:
            self.guarded.is_in(*(WAITING if self.is_over else [OPEN]))


@pytest.mark.promise("A1.3", "A1.4", "A1.5", "A1.6", "A1.7")
def test_any_sequence_of_calls_and_waits(answers, guard, seed):
    """After any calls and waits the breaker is in the state, and does with a call, what the drawing says."""
    with answers.frozen(START) as clock:
        machine = type("Sequences", (Sequences,), {"guard": staticmethod(guard), "clock": clock})
        run_state_machine_as_test(hypothesis.seed(seed)(machine), settings=SETTINGS)
