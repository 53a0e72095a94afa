"""Don't change the tests. B3: the shop goes on while payment has next to no processor time and no memory."""

from typing import Any

import pytest

from labs.lab4.checks import experimenting
from labs.lab4.checks.experimenting import Watch
from labs.lab4.checks.shopping import Shop
from pytest_labkit import expect

pytestmark = [pytest.mark.criterion("B3")]
NAME = "resource_exhaustion"


def pressed(watch: Watch) -> bool:
    """Payment is short of both."""
    return watch.was_starved and watch.was_short_of_memory


@pytest.mark.promise("B3.3")
def test_the_experiment_is_valid(answers: Any) -> None:
    """`chaos validate` accepts experiments/resource_exhaustion.yaml."""
    experimenting.begun(answers, NAME).validate()


@pytest.mark.promise("B3.1", "B3.2", "B3.4", "B3.5", "B3.6")
def test_the_shop_stands_it(shop: Shop, answers: Any) -> None:
    """Payment is short of both, the breaker opens, and afterwards a thousand charges a second are made."""
    watch, journal = experimenting.stood(shop, answers, NAME)
    expect(
        watch.was_starved,
        expected="payment to be without processor time for more than half of a second",
        got="it was not",
        perhaps="press_cpu(service: payment, share: 0.97), released when the breaker is open",
    )
    expect(
        watch.was_short_of_memory,
        expected="payment's memory to be limited for a while",
        got="it was not",
        perhaps="press_memory(service: payment, megabytes: 64)",
    )
    experimenting.accepts(shop, journal)


@pytest.mark.promise("B3.7")
def test_rollbacks_release_it(shop: Shop, answers: Any) -> None:
    """Interrupted in the middle, the experiment leaves a payment that has what it needs."""
    experimenting.is_undone(shop, answers, NAME, pressed)
