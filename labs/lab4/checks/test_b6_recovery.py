"""Don't change the tests. B6: after a fault all is as before, within 45 seconds."""

import time
from typing import Any

import pytest

from labs.lab4.checks.shopping import RECOVERED_S, TOLD, Shop
from pytest_labkit import expect

pytestmark = [pytest.mark.criterion("B6"), pytest.mark.timed]
FAULT_S = 2.0


@pytest.mark.promise("B6.1")
@pytest.mark.parametrize("fault", ["dead", "cut_off"])
def test_it_recovers(fault: str, shop: Shop, measure: Any) -> None:
    """From the fault's end to a thousand charges a second and a closed breaker it is 45 seconds at most."""
    with shop.customers():
        with getattr(shop, fault)():
            expect.eventually(
                "OPEN",
                shop.breaker,
                within_s=10,
                checked="the breaker opens while payment fails",
                perhaps="charge() calls payment through self.breaker, and an error is one for it too",
            )
            time.sleep(FAULT_S)  # the shop has got used to it
        ended = time.monotonic()
        shop.gets_steady(RECOVERED_S)
        took = time.monotonic() - ended
        measure.record("recovery", [took], unit="s", note=f"after payment was {TOLD[fault]}")
