"""Don't change the tests. B1: the shop goes on while payment is dead, and an experiment shows it."""

from typing import Any

import pytest

from labs.lab4.checks import experimenting
from labs.lab4.checks.checking import outcome
from labs.lab4.checks.shopping import Shop
from labs.lab4.checks.till import Till
from pytest_labkit import expect

pytestmark = [pytest.mark.criterion("B1")]
NAME = "service_failure"
CHARGE = [{"order_id": "o-1", "amount": 1250}]
MOST = 100
HEAR = "an answer of 500 is a failure, and no answer is one: let the breaker hear of it"
FAULT = "payment's process to be gone for a while"


@pytest.mark.promise("B1.4")
def test_the_experiment_is_valid(answers: Any) -> None:
    """`chaos validate` accepts experiments/service_failure.yaml."""
    experimenting.begun(answers, NAME).validate()


@pytest.mark.promise("B1.1", "B1.3")
@pytest.mark.parametrize("trouble", [500, "hangs up"], ids=str)
def test_charges_go_through_the_breaker(trouble: Any, till: Till, answers: Any) -> None:
    """PaymentClient calls payment through the breaker that it is given, which opens when payment fails."""
    state = answers.beside("callers").state
    breaker = answers.circuit_breaker.CircuitBreaker(failure_threshold=1, recovery_timeout=60)
    client = answers.payment_client.PaymentClient(till.url, breaker)
    till.says = trouble
    outcome(lambda: client.charge(CHARGE))  # that it raises nothing is B7's matter
    expect.equal("OPEN", state(breaker), perhaps=HEAR)
    calls, till.says = len(till.received), 200
    got, _ = outcome(lambda: client.charge(CHARGE))
    expect.equal(calls, len(till.received), perhaps="payment was called past an open breaker")
    expect(
        got != {"status": "charged"},
        expected="no charge, the breaker being open",
        got=f"{got!r}",
    )
    expect.equal("OPEN", state(client.breaker), perhaps="client.breaker is the breaker that was given")


@pytest.mark.promise("B1.2")
def test_a_breaker_of_its_own(till: Till, answers: Any) -> None:
    """Of two clients that are given no breaker each has one: what opens that of one leaves the other's."""
    state = answers.beside("callers").state
    one, other = (answers.payment_client.PaymentClient(till.url) for _ in range(2))
    till.says = 500
    for _ in range(MOST):
        outcome(lambda: one.charge(CHARGE))
        if state(one.breaker) != "CLOSED":
            break
    expect(
        state(one.breaker) != "CLOSED",
        expected="client.breaker to open while payment fails",
        got=f"it is CLOSED after {MOST} charges that have failed",
    )
    expect.equal(
        "CLOSED",
        state(other.breaker),
        perhaps="a default argument is made once, and is the same for all clients",
    )


@pytest.mark.promise("B1.4")
def test_the_shop_stands_it(shop: Shop, answers: Any) -> None:
    """Payment is killed, the breaker opens, and then a thousand charges a second are made again."""
    watch, journal = experimenting.stood(shop, answers, NAME)
    experimenting.accepts(shop, journal)
    expect(watch.was_dead, expected=FAULT, got="it was there all the time")


@pytest.mark.promise("B1.4")
def test_rollbacks_start_it_again(shop: Shop, answers: Any) -> None:
    """Interrupted in the middle, the experiment leaves a payment that runs."""
    experimenting.is_undone(shop, answers, NAME, lambda seen: seen.was_dead)
