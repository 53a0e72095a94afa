"""Don't change the tests. C4: recovery is seen from end to end."""

import pytest

from labs.lab4.checks.page import Shown
from labs.lab4.checks.shopping import Shop
from pytest_labkit import expect

pytestmark = [pytest.mark.criterion("C4")]
CLEARED_S = 75.0
"""A minute, and the scrape after it, by the page's clock, which is put forward: nobody waits so long."""


@pytest.mark.promise("C4.1", "C4.2")
def test_recovery_is_seen(watch_is_written: None, shop: Shop, page: Shown) -> None:
    """Back again, payment is green, the breaker CLOSED, no alert is left, and every order is charged once."""
    with shop.customers():
        with shop.dead():
            expect.eventually(
                "OPEN",
                lambda: page.breakers().get("payment"),
                within_s=10,
                checked="the breaker is shown as OPEN while payment is dead",
            )
            expect.eventually(
                True, lambda: "BreakerOpen" in page.alerts(), within_s=15, checked="BreakerOpen is raised"
            )
        expect.eventually([], page.down, within_s=10, checked="payment is shown as up again")
        expect.eventually(
            "CLOSED",
            lambda: page.breakers().get("payment"),
            within_s=20,
            checked="the breaker is shown as CLOSED after recovery",
        )
        shop.gets_steady(20)
        page.goes_on(CLEARED_S)
        expect.eventually(
            [],
            lambda: sorted(page.alerts()),
            within_s=10,
            checked="no alert is left a minute after recovery",
            perhaps="windows of a minute at most",
        )
    shop.all_settled()
    missing = shop.accepted().keys() - {charge["order_id"] for charge in shop.charges()}
    expect(
        not missing,
        expected="every order that was taken to be charged in the end",
        got=f"{len(missing)} are not",
    )
