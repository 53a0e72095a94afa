"""Don't change the tests. B1: the shop goes on while payment is dead, and an experiment shows it."""

from typing import Any

import pytest

from labs.lab4.checks import experimenting
from labs.lab4.checks.checking import outcome
from labs.lab4.checks.experimenting import watching
from labs.lab4.checks.shopping import Shop
from labs.lab4.checks.till import Till
from pytest_labkit import expect

pytestmark = [pytest.mark.criterion("B1")]
NAME = "service_failure"
FAULT = "payment's process to be gone for a while"


def test_the_experiment_is_valid(answers: Any) -> None:
    """`chaos validate` accepts experiments/service_failure.yaml."""
    experimenting.begun(answers, NAME).validate()


def test_charges_go_through_the_breaker(till: Till, answers: Any) -> None:
    """PaymentClient calls payment through the breaker that it is given, and through no other."""
    state = answers.beside("callers").state
    breaker = answers.circuit_breaker.CircuitBreaker(failure_threshold=1, recovery_timeout=60)
    client = answers.payment_client.PaymentClient(till.url, breaker)
    till.says = 500
    charge = [{"order_id": "o-1", "amount": 1250}]
    outcome(lambda: client.charge(charge))  # that it raises nothing is B7's matter
    expect.equal("OPEN", state(breaker), perhaps="an answer of 500 is a failure: let the breaker hear of it")
    calls, till.says = len(till.received), 200
    got, _ = outcome(lambda: client.charge(charge))
    expect.equal(calls, len(till.received), perhaps="payment was called past an open breaker")
    expect(
        got != {"status": "charged"},
        expected="no charge, the breaker being open",
        got=f"{got!r}",
    )
    expect.equal("OPEN", state(client.breaker), perhaps="client.breaker is the breaker that was given")


def test_the_shop_stands_it(shop: Shop, answers: Any) -> None:
    """Payment is killed, the breaker opens, and then a thousand charges a second are made again."""
    experiment = experimenting.begun(answers, NAME)
    experimenting.asks_for_a_rate(shop, experiment)
    with shop.customers(), watching(shop) as watch:
        journal = experimenting.carried_out(shop, experiment)
    experimenting.accepts(shop, journal)
    expect(watch.was_dead, expected=FAULT, got="it was there all the time")


def test_rollbacks_start_it_again(shop: Shop, answers: Any) -> None:
    """Interrupted in the middle, the experiment leaves a payment that runs."""
    experiment = experimenting.begun(answers, NAME)
    with shop.customers(), watching(shop) as watch:
        journal = experimenting.interrupted(shop, experiment, lambda seen: seen.was_dead, watch)
    experimenting.is_taken_back(shop, journal)
