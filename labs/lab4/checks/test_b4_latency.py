"""Don't change the tests. B4: the shop goes on while payment's answers come late."""

from typing import Any

import pytest

from labs.lab4.checks import experimenting
from labs.lab4.checks.experimenting import Watch
from labs.lab4.checks.shopping import Shop
from pytest_labkit import expect

pytestmark = [pytest.mark.criterion("B4")]
NAME = "latency"


def late(watch: Watch) -> bool:
    """Answers to order take a second and more."""
    return watch.way_was_late


@pytest.mark.promise("B4.2")
def test_the_experiment_is_valid(answers: Any) -> None:
    """`chaos validate` accepts experiments/latency.yaml."""
    experimenting.begun(answers, NAME).validate()


@pytest.mark.promise("B4.1", "B4.3", "B4.4", "B4.5")
def test_the_shop_stands_it(shop: Shop, answers: Any) -> None:
    """Payment's answers come late, the breaker opens, and afterwards a thousand charges a second are made."""
    watch, journal = experimenting.stood(shop, answers, NAME)
    expect(
        watch.way_was_late and not watch.payment_was_late and not watch.was_dead,
        expected="answers to order to take a second and more for a while, and payment itself to be well",
        got="payment was gone"
        if watch.was_dead
        else "payment itself was late"
        if watch.payment_was_late
        else f"none took more than {max(watch.way_s, default=0):.2f} s",
        perhaps="add_latency(caller: order, callee: payment, seconds: 2)",
    )
    experimenting.accepts(shop, journal)


@pytest.mark.promise("B4.6")
def test_rollbacks_remove_it(shop: Shop, answers: Any) -> None:
    """Interrupted in the middle, the experiment leaves a payment whose answers come in time."""
    experimenting.is_undone(shop, answers, NAME, late)
