"""Don't change the tests. B2: the shop goes on while nothing comes through between order and payment."""

from typing import Any

import pytest

from labs.lab4.checks import experimenting
from labs.lab4.checks.experimenting import Watch
from labs.lab4.checks.shopping import Shop
from pytest_labkit import expect

pytestmark = [pytest.mark.criterion("B2")]
NAME = "network_partition"


def cut_off(watch: Watch) -> bool:
    """Payment runs, and order does not reach it."""
    return watch.way_was_late


@pytest.mark.promise("B2.2")
def test_the_experiment_is_valid(answers: Any) -> None:
    """`chaos validate` accepts experiments/network_partition.yaml."""
    experimenting.begun(answers, NAME).validate()


@pytest.mark.promise("B2.1", "B2.3", "B2.4", "B2.5")
def test_the_shop_stands_it(shop: Shop, answers: Any) -> None:
    """Order is cut off from payment, the breaker opens, and then a thousand charges a second are made."""
    watch, journal = experimenting.stood(shop, answers, NAME)
    experimenting.accepts(shop, journal)
    expect(
        watch.way_was_late and not watch.payment_was_late and not watch.was_dead,
        expected="nothing to come through from order to payment for a while, and payment itself to be well",
        got="payment was gone"
        if watch.was_dead
        else "payment itself did not answer"
        if watch.payment_was_late
        else "payment answered order all the time",
        perhaps="partition(caller: order, callee: payment)",
    )


@pytest.mark.promise("B2.6")
def test_rollbacks_heal_it(shop: Shop, answers: Any) -> None:
    """Interrupted in the middle, the experiment leaves a payment that order reaches."""
    experimenting.is_undone(shop, answers, NAME, cut_off)
