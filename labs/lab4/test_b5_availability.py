"""Don't change the tests. B5: four of five requests are answered while payment fails, by Locust's count."""

import time
from typing import Any

import pytest

from labs.lab4.shopping import TOLD, Shop
from pytest_labkit import expect

pytestmark = [pytest.mark.criterion("B5"), pytest.mark.timed]
FAULT_S = 4.0


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
