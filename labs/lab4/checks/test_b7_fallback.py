"""Don't change the tests. B7: the fallback is quick, marked and true, and every order is charged once."""

import time
import urllib.request
from collections import Counter
from typing import Any

import pytest

from labs.lab4.checks.checking import outcome, told
from labs.lab4.checks.shopping import RECOVERED_S, Shop
from labs.lab4.checks.till import LONG_S, STATUSES, TROUBLES, Till
from pytest_labkit import expect

pytestmark = [pytest.mark.criterion("B7")]
PENDING = {"status": "pending", "degraded": True}
CHARGED = {"status": "charged"}
OPEN_S, FAULT_S = 4.0, 1.5


def charged(client: Any, *orders: str) -> Any:
    """What charge() returns for *orders*; it raises nothing."""
    got, error = outcome(lambda: client.charge([{"order_id": id_, "amount": 1250} for id_ in orders]))
    expect(
        error is None,
        expected="charge() to return, whatever is wrong with payment",
        got=f"it raised {told(error)}",
    )
    return got


@pytest.mark.promise("B7.1", "B7.2", "B7.3")
def test_a_200_is_a_charge(till: Till, answers: Any) -> None:
    """All of the list is sent in one request with its amounts and keys, and 200 means that it is charged."""
    got = charged(answers.payment_client.PaymentClient(till.url), "o-1", "o-2")
    expect.equal(CHARGED, got)
    sent = [(c.get("order_id"), c.get("amount")) for c in till.received[0]]
    expect.equal([[("o-1", 1250), ("o-2", 1250)]], [sent, *till.received[1:]])
    keys = [charge.get("key") for charge in till.received[0]]
    expect(
        all(isinstance(key, str) and key for key in keys),
        expected="a key in each charge, a text",
        got=f"the keys {keys!r}",
    )


@pytest.mark.promise("B7.3", "B7.4", "B7.5")
@pytest.mark.parametrize("says", [*STATUSES, *TROUBLES], ids=str)
def test_only_a_200_is_a_charge(says: Any, till: Till, answers: Any) -> None:
    """What is not answered with 200 is pending, marked as degraded, and said within 3 seconds."""
    till.says = says
    client = answers.payment_client.PaymentClient(till.url)
    began = time.monotonic()
    got = charged(client, "o-1", "o-2")
    expect.equal(PENDING, got, perhaps=f"payment answered {says}" if isinstance(says, int) else None)
    took = time.monotonic() - began
    expect(
        took < LONG_S,
        expected=f"an answer within {LONG_S:g} s from a payment that {says}",
        got=f"it took {took:.1f} s",
        perhaps="a time limit for the whole attempt, shorter than customers wait",
    )


@pytest.mark.promise("B7.6", "B7.7")
def test_the_key_of_an_order_is_always_the_same(till: Till, answers: Any) -> None:
    """Charged again in another list, by a service that was started again, an order has the key it had."""
    till.says = 500
    charged(answers.payment_client.PaymentClient(till.url), "o-1", "o-2")
    till.says = 200
    charged(answers.payment_client.PaymentClient(till.url), "o-2", "o-3")
    charged(answers.another_process().payment_client.PaymentClient(till.url), "o-3")
    keys: dict[str, set[str]] = {}
    for charge in (charge for sent in till.received for charge in sent):
        keys.setdefault(charge["order_id"], set()).add(str(charge.get("key")))
    changed = {order: sorted(found) for order, found in keys.items() if len(found) > 1}
    expect(not changed, expected="one key for each order", got=f"{changed}")
    shared = [key for key, count in Counter(k for found in keys.values() for k in found).items() if count > 1]
    expect(not shared, expected="a key of its own for each order", got=f"{shared[:3]} are those of several")


@pytest.mark.promise("B7.3", "B7.8")
@pytest.mark.timed
def test_the_fallback_is_quick_and_marked(shop: Shop, measure: Any) -> None:
    """With the breaker open, 95 of 100 customers are told within 100 ms that their order is pending."""

    def pending() -> list[float]:
        before = len(shop.times("pending"))
        time.sleep(OPEN_S)  # what is measured is this time
        found = shop.times("pending")[before:]
        expect(
            len(found) > 20,
            expected="orders to be taken while payment is dead, and called pending",
            got=f"{len(found)} requests were in {OPEN_S:g} s",
        )
        return found

    with shop.customers() as load, shop.dead():
        expect.eventually("OPEN", shop.breaker, within_s=10, checked="the breaker opens, payment being dead")
        load.count_anew()
        measure.distribution("fallback", pending, unit="ms", reference=lambda: pinged_ms(shop))
        load.stop()
        counted = [name for name, row in load.counted().items() if row.requests]
    expect("unmarked" not in counted, expected="pending answers with degraded: true", got="some without")
    expect(
        "charged" not in counted,
        expected="no order to be called charged while payment is dead",
        got="some are",
    )


def pinged_ms(shop: Shop) -> list[float]:
    """How long the order service takes meanwhile for what is no work at all."""
    times = []
    for _ in range(60):
        began = time.perf_counter()
        urllib.request.urlopen(f"{shop.system.urls['order']}/ping", timeout=5).close()
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.05)
    return times


@pytest.mark.promise("B7.9")
def test_every_order_that_was_taken_is_charged_once(shop: Shop) -> None:
    """Payment is dead, cut off, and unheard, and when all is well each order taken is charged once."""
    with shop.customers():
        for fault in (shop.dead, shop.cut_off, shop.unheard):
            with fault():
                time.sleep(FAULT_S)  # orders are taken meanwhile
        shop.gets_steady(RECOVERED_S)
    shop.all_settled()
    taken, charges = shop.accepted(), shop.charges()
    times = Counter(charge["order_id"] for charge in charges)
    amounts = {charge["order_id"]: charge["amount"] for charge in charges}
    lost = [order for order in taken if order not in times]
    twice = [order for order, count in times.items() if count > 1]
    wrong = [order for order, (amount, _) in taken.items() if order in times and amounts[order] != amount]
    lied = sum(said == "charged" for order, (_, said) in taken.items() if order in lost)
    expect(
        not lost,
        expected=f"all {len(taken)} orders that customers were told are taken to be charged",
        got=f"{len(lost)} are not{f', {lied} of them called charged' if lied else ''}: {lost[:1]}",
        perhaps="charged is said only after a 200 of payment's",
    )
    expect(
        not twice,
        expected="each order to be charged once",
        got=f"{len(twice)} are charged more than once",
        perhaps="payment charges a key once: an order has to have the same key each time",
    )
    expect(not wrong, expected="each order's own amount to be charged", got=f"{len(wrong)} are another")
