"""Don't change the tests. X1: 99 of 100 charges fail, and the shop still takes orders."""

import json
import time
import urllib.request
from typing import Any

import pytest

from labs.lab4.checks.shopping import Shop
from pytest_labkit import expect

pytestmark = [pytest.mark.criterion("X1"), pytest.mark.timed]
SHARE, LASTS_S = 0.99, 6.0


def fail(shop: Shop, share: float) -> None:
    """Have payment answer *share* of its requests with 500."""
    body = json.dumps({"share": share}).encode()
    urllib.request.urlopen(f"{shop.system.urls['payment']}/faults", data=body, timeout=5).close()


@pytest.mark.promise("X1.1")
def test_the_shop_stands_it(shop: Shop, measure: Any) -> None:
    """Of a hundred requests 99 are answered with 201 or 202, and all that was taken is charged in the end."""
    with shop.customers() as load:
        fail(shop, SHARE)
        load.count_anew()
        time.sleep(LASTS_S)  # what is measured is this time
        load.stop()
        counted = load.counted()["Aggregated"]
        fail(shop, 0)
    measure.record("availability", [100 * counted.availability], unit="%")
    shop.all_settled()
    missing = shop.accepted().keys() - {charge["order_id"] for charge in shop.charges()}
    expect(not missing, expected="every order that was taken to be charged", got=f"{len(missing)} are not")
