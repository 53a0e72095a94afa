"""Don't change the tests. C3: the page /health shows the service that was killed, the breaker, the alerts."""

import pytest

from labs.lab4.checks.page import Shown
from labs.lab4.checks.shopping import Shop
from pytest_labkit import expect

pytestmark = [pytest.mark.criterion("C3")]


@pytest.mark.promise("C3.1", "C3.2")
def test_a_killed_service_is_shown(watch_is_written: None, shop: Shop, page: Shown) -> None:
    """Payment is red within two seconds of its death; the breaker is OPEN, and both alerts are raised."""
    with shop.customers():
        expect.eventually(
            {"payment": "CLOSED"},
            page.breakers,
            within_s=10,
            checked="the page shows the breaker of the order service as CLOSED",
            perhaps="the order service calls watch(client.breaker, 'payment') when it starts",
        )
        expect.equal([], page.down(), checked="nothing is shown as down while all is well")
        with shop.dead():
            expect.eventually(["payment"], page.down, within_s=2, checked="payment is shown as down")
            expect.eventually(
                "OPEN",
                lambda: page.breakers().get("payment"),
                within_s=10,
                checked="the breaker is shown as OPEN while payment is dead",
                perhaps="the breaker that is watched is the one that charge() calls through",
            )
            for name in ("ServiceDown", "BreakerOpen"):
                expect.eventually(
                    True,
                    lambda name=name: name in page.alerts(),
                    within_s=15,
                    checked=f"{name} is raised, pending or firing, while payment is dead",
                )
