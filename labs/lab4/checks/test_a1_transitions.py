"""Don't change the tests. A1: the breaker goes from state to state as it is drawn."""

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
TIMEOUTS_S = (0.5, 1, 2.5, 30, 60, 3600)
ANSWERS = st.one_of(st.none(), st.booleans(), st.integers(-1, 1), st.text(max_size=2), st.just([]))
ERRORS = st.sampled_from([ValueError, KeyError, OSError, TimeoutError, ConnectionError, RuntimeError])


class Sequences(RuleBasedStateMachine):
    """
    A breaker beside a model of it: a state, a count of failures, an instant.

    Times are multiples of an eighth of a second, which a float holds exactly.
    """

    guard = clock = None

    @initialize(threshold=st.integers(1, 4), timeout_s=st.sampled_from(TIMEOUTS_S))
    def made(self, threshold, timeout_s):
        self.threshold, self.timeout_s = threshold, timeout_s
        self.guarded = self.guard(failure_threshold=threshold, recovery_timeout=timeout_s, clock=self.clock)
        self.state, self.failures, self.left_s = CLOSED, 0, 0.0
        self.is_as_the_model()

    @rule(answer=ANSWERS)
    def a_call_whose_function_returns(self, answer):
        if self.is_refused():
            return
        self.guarded.succeeds(answer)
        self.state, self.failures = CLOSED, 0
        self.is_as_the_model()

    @rule(error=ERRORS)
    def a_call_whose_function_raises(self, error):
        if self.is_refused():
            return
        self.guarded.fails(error("out of order"))
        self.failures += 1
        if self.state == OPEN or self.failures == self.threshold:
            self.state, self.left_s = OPEN, self.timeout_s
        self.is_as_the_model()

    @precondition(lambda self: self.state == CLOSED)
    @rule(count=st.integers(2, 4))
    def a_row_of_failures(self, count):
        for _ in range(count):
            self.a_call_whose_function_raises(OSError)

    @precondition(lambda self: self.state == OPEN)
    @rule(eighths=st.integers(1, 8))
    def a_wait_for_a_share_of_the_timeout(self, eighths):
        self.passes(max(0.125, (self.timeout_s * eighths) // 1 / 8))

    @precondition(lambda self: self.state == OPEN and self.left_s > 0.125)
    @rule()
    def a_wait_until_just_before_the_timeout(self):
        self.passes(self.left_s - 0.125)

    @precondition(lambda self: self.state == OPEN and self.left_s > 0)
    @rule()
    def a_wait_until_the_timeout(self):
        self.passes(self.left_s)

    @rule(eighths=st.integers(1, 800))
    def any_wait(self, eighths):
        self.passes(eighths / 8)

    def is_refused(self):
        """Whether the model lets no call through; then the breaker must not, either."""
        if self.state != OPEN or self.left_s <= 0:
            return False
        self.guarded.is_refused()
        self.is_as_the_model()
        return True

    def passes(self, seconds):
        self.guarded.waits(seconds)
        self.left_s -= seconds
        self.is_as_the_model()

    def is_as_the_model(self):
        if self.state == CLOSED:
            self.guarded.is_in(CLOSED)
            self.guarded.has_counted(self.failures)
        else:
            self.guarded.is_in(*([OPEN] if self.left_s > 0 else WAITING))


def test_any_sequence_of_calls_and_waits(answers, guard, seed):
    """After any calls and waits the breaker is in the state, and does with a call, what the drawing says."""
    with answers.frozen(START) as clock:
        machine = type("Sequences", (Sequences,), {"guard": staticmethod(guard), "clock": clock})
        run_state_machine_as_test(hypothesis.seed(seed)(machine), settings=SETTINGS)


def test_once_around(answers, guard, calling):
    """CLOSED, OPEN, HALF_OPEN while the function runs that is let through, OPEN if it fails, else CLOSED."""
    with answers.frozen(START) as clock:
        guarded = guard(3, 30, clock=clock)
        guarded.is_in(CLOSED)
        guarded.opens(3)
        for _ in range(2):
            guarded.waits(30)
            trial = calling(guarded.breaker).is_let_through()
            guarded.is_in(HALF_OPEN)
            trial.fails()
            guarded.is_in(OPEN, perhaps="in HALF_OPEN one failure is enough")
        guarded.waits(30)
        trial = calling(guarded.breaker).is_let_through()
        guarded.is_in(HALF_OPEN)
        trial.succeeds()
        guarded.is_in(CLOSED)


def test_looking_changes_nothing(answers, guard):
    """However often state and failure_count are read, the next call is let through, or not, all the same."""
    with answers.frozen(START) as clock:
        guarded = guard(2, 60, clock=clock)
        guarded.fails()
        for _ in range(5):
            guarded.has_counted(1)
        guarded.opens(1)
        for _ in range(5):
            guarded.is_in(OPEN)
        guarded.is_refused()
        guarded.waits(60)
        for _ in range(5):
            guarded.is_in(*WAITING)
        guarded.succeeds(perhaps="who reads state takes the turn of the call that is to be let through")
        guarded.is_in(CLOSED)
