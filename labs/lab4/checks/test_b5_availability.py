"""Don't change the tests. B5: four of five requests are answered while payment fails, by Locust's count."""

import time
from typing import Any

import pytest

from labs.lab4.checks.checking import outcome
from labs.lab4.checks.shopping import TOLD, Shop
from labs.lab4.checks.till import LONG_S, Till
from pytest_labkit import expect

pytestmark = [pytest.mark.criterion("B5")]
FAULT_S = 4.0
CHARGES, AGAIN = 100, 30


@pytest.mark.promise("B5.1", "B7.5")
@pytest.mark.parametrize("trouble", [500, "hangs up"], ids=str)
def test_trying_again_has_a_budget(trouble: Any, till: Till, answers: Any) -> None:
    """Of a hundred charges that all fail, no more than thirty are tried a second time."""
    breaker = answers.circuit_breaker.CircuitBreaker(failure_threshold=10**6, recovery_timeout=60)
    client = answers.payment_client.PaymentClient(till.url, breaker)
    till.says = trouble
    for number in range(CHARGES):
        began = time.monotonic()
        outcome(lambda number=number: client.charge([{"order_id": f"o-{number}", "amount": 1250}]))
        took = time.monotonic() - began
        expect(
            took < LONG_S,
            expected=f"charge() to return within {LONG_S:g} s while payment fails",
            got=f"it took {took:.1f} s",
            perhaps="customers wait meanwhile: no waiting between attempts",
        )
    expect(
        len(till.received) <= CHARGES + AGAIN,
        expected=f"at most {CHARGES + AGAIN} requests for {CHARGES} charges while payment fails",
        got=f"{len(till.received)} requests",
        perhaps="who tries each charge twice doubles the load just when payment has too much of it: let "
        "retries be a share of the calls",
    )


@pytest.mark.promise("B5.2")
@pytest.mark.timed
@pytest.mark.parametrize("fault", ["dead", "cut_off", "late"])
def test_customers_are_answered(fault: str, shop: Shop, measure: Any) -> None:
    """A request is answered with 201 or 202 within two seconds, while payment is dead, cut off or late."""
    with shop.customers() as load:
        with getattr(shop, fault)():
            load.count_anew()
            time.sleep(FAULT_S)  # what is measured is this time
            load.stop()
        counted = load.counted()["Aggregated"]
    expect(counted.requests > 0, expected="requests to end while payment fails", got="not one has ended")
    measure.record(
        "availability", [100 * counted.availability], unit="%", note=f"while payment is {TOLD[fault]}"
    )
