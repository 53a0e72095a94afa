"""Don't change the tests. B1: the views show what follows from the events, whatever order they come in."""

import time

import pytest

from labs.lab3.checks.checking import DEADLINE_S, in_background, join
from labs.lab3.checks.shop import an_order, background, same_ids
from labs.lab3.events import ItemAdded, OrderConfirmed, OrderCreated, OrderState
from pytest_labkit import expect

pytestmark = pytest.mark.criterion("B1")

MIXED_UP = "orders that change side by side are mixed up, or a batch of changes is only taken in part"
TIMEOUT_S = 0.4
PROMPT_S = 1.0  # by which a wait may be late
NOTHING_S = 0.3


@pytest.mark.promise("B1.3", "B1.4", "B1.9")
def test_the_example_of_the_readme(shop):
    """An order is stored and projected, and the view shows it to each kind of question."""
    shop.append("123", *an_order("123", "456", 2), OrderConfirmed(order_id="123", total_amount=99.99))
    projector, view = shop.projector(), shop.view()
    shop.project(projector)

    shown = OrderState(
        order_id="123",
        customer_id="456",
        status="confirmed",
        items={"item-0": 2},
        total_amount=99.99,
        version=3,
    )
    expect.equal(shown, view.order("123"))
    same_ids(["123"], view.orders_of("456"), "orders_of('456')")
    same_ids(["123"], view.orders_with("confirmed"), "orders_with('confirmed')")
    same_ids([], view.orders_with("created"), "orders_with('created')")
    expect.equal(0, projector.run_once(), perhaps="run_once returns 0 when the stream has nothing new")


@pytest.mark.promise("B1.3")
def test_what_the_view_does_not_know(shop):
    """An order that nobody has created is None, and the lists are empty."""
    view = shop.view()
    expect.equal(None, view.order("nobody"))
    same_ids([], view.orders_of("nobody"), "orders_of('nobody')")
    same_ids([], view.orders_with("created"), "orders_with('created')")


@pytest.mark.promise("B1.9")
def test_run_once_waits_for_what_comes(shop):
    """run_once that is waiting takes what is stored meanwhile, and says that it took something."""
    projector, view = shop.projector(), shop.view()
    shop.project(projector)
    waiting = background(lambda: projector.run_once(DEADLINE_S))
    time.sleep(NOTHING_S)  # this long there is nothing to take
    expect(
        not waiting.is_over,
        expected=f"run_once({DEADLINE_S:g}) to wait while there is nothing",
        got="it returned",
        perhaps="wait_s has to be handed on to the stream's read",
    )
    shop.append("1", *an_order("1", "c", 2))
    taken = waiting.result()
    expect(
        type(taken) is int and taken > 0,
        expected="run_once to return how many changes it took",
        got=f"{taken!r}",
    )
    shop.glimpse(view, "1")
    shop.project(projector)
    shop.is_shown(view)


@pytest.mark.promise("B1.2", "B1.3", "B1.4")
def test_orders_that_change_side_by_side(shop, rng):
    """Commits of 15 orders of 4 customers come in any order, projected in pieces by different projectors."""
    names = [f"{number}" for number in range(1, 13)] + ["ü/#1", "1 ", "a\x00b"]
    customers = ["c", "c\x00", "c1", 'c"]']
    left = {
        name: an_order(
            name, rng.choice(customers), *range(1, rng.randint(2, 6)), confirmed=rng.random() < 0.6
        )
        for name in names
    }
    projectors, view = [shop.projector(), shop.projector()], shop.view()
    for round_ in range(3):
        for _ in range(12 if round_ < 2 else 100):
            if left:
                name = rng.choice(sorted(left))
                count = rng.randint(1, 4)
                shop.append(name, *left[name][:count])
                left[name] = left[name][count:]
                left = {name: events for name, events in left.items() if events}
        if round_ == 1:
            rng.choice(projectors).run_once(0.3)
        shop.project(projectors[round_ % 2])
        shop.is_shown(view, perhaps=MIXED_UP)
    shop.is_shown(shop.view(), perhaps="the view is in the memory of a process, and not in Redis")


@pytest.mark.promise("B1.6")
def test_what_cannot_have_happened_is_passed_over(shop):
    """An event that the order refuses counts in its version and changes nothing else; the others go on."""
    shop.append("1", *an_order("1", "c", 2), ItemAdded(order_id="1", item_id="x", quantity=0))
    shop.append("1", OrderCreated(order_id="1", customer_id="other"))
    shop.append("1", OrderConfirmed(order_id="1", total_amount=5.0))
    shop.append("2", *an_order("2", "c", 1, 1, 1, 1))
    shop.append("1", ItemAdded(order_id="1", item_id="late", quantity=1))
    shop.append("2", OrderConfirmed(order_id="2", total_amount=7.5))
    shop.project(shop.projector())
    shop.is_shown(shop.view(), perhaps="an event that raises OrderRuleBroken stops the projector, or is lost")


@pytest.mark.promise("B1.1")
def test_items_of_others_are_passed_over(shop):
    """Items that hold no events, from whoever else uses the table, are in nobody's way."""
    shop.append("1", *an_order("1", "c", 1))
    for number in (1, 2):
        shop.table.put(
            {
                "aggregate_id": {"S": f"audit-{number}"},
                "version": {"N": "1"},
                "note": {"S": "an auditor was here"},
                "seen": {"L": [{"M": {"at": {"N": "1.5"}, "mark": {"B": b"\x00\xff"}}}]},
            }
        )
        shop.append(f"{number + 1}", *an_order(f"{number + 1}", "c", 2, confirmed=True))
    shop.project(shop.projector())
    shop.is_shown(shop.view(), perhaps="what events_in cannot read is no event: it returns an empty list")


@pytest.mark.promise("B1.7")
def test_questions_do_not_go_to_the_event_store(shop, faults):
    """DynamoDB cannot be reached: the view answers all the same."""
    shop.append("1", *an_order("1", "c", 1, 2, confirmed=True))
    shop.append("2", *an_order("2", "c", 3))
    shop.project(shop.projector())
    view = shop.view()
    with faults.dynamodb.refuse():
        shop.is_shown(view, perhaps="the answer is made from the event store, not from the view")


@pytest.mark.promise("B1.8")
def test_a_writer_can_wait_for_what_it_wrote(shop):
    """wait_for returns once the view shows that version, and False after its time if it does not."""
    view = shop.view()
    waiting = background(lambda: view.wait_for("1", 3, DEADLINE_S))
    shop.append("1", *an_order("1", "c", 1))
    projector = shop.projector()
    shop.project(projector)
    expect(not waiting.is_over, expected="wait_for version 3 to wait", got="it returned at version 2")
    for version in (1, 2):
        _waited(True, view.wait_for("1", version, TIMEOUT_S), version, "the view shows it already")

    shop.append("1", ItemAdded(order_id="1", item_id="x", quantity=1))
    shop.project(projector)
    shown = time.monotonic()
    _waited(True, waiting.result(), 3, "the view has come to show it meanwhile")
    _is_prompt(time.monotonic() - shown, 0)

    for order_id, version in (("1", 4), ("nobody", 1)):
        began = time.monotonic()
        _waited(False, view.wait_for(order_id, version, TIMEOUT_S), version, "the view does not show it")
        _is_prompt(time.monotonic() - began, TIMEOUT_S)


def _waited(expected, got, version, why):
    """What wait_for returned is just *expected*."""
    expect(
        got is expected,
        expected=f"wait_for version {version} to return {expected}: {why}",
        got=f"{got!r}",
        perhaps="wait_for and order do not look at the same",
    )


def _is_prompt(took_s, least_s):
    expect(
        least_s <= took_s + 0.05 and took_s <= least_s + PROMPT_S,
        expected=f"wait_for to return after {least_s:g} s, {PROMPT_S:g} s later at most",
        got=f"{took_s:.2f} s",
    )


@pytest.mark.promise("B1.5")
def test_no_reader_sees_half_a_change(shop, faults):
    """While another process projects, what a reader sees of an order agrees, and never goes back."""
    view = shop.view()
    with shop.another_process() as other, faults.redis.latency(0.001):
        running = other.beside("projecting").Running(other.projections.Projector())
        for number in range(1, 41):
            order_id = str(number)
            events = an_order(order_id, "c", 1, confirmed=True)
            shop.append(order_id, *events[:1])
            writing = in_background(lambda o=order_id, e=events: shop.append(o, *e[1:]))
            _watch(shop, view, order_id, len(events))
            join([writing])
        running.stop()
    shop.is_shown(view)


def _watch(shop, view, order_id, last):
    """Look at an order until it is shown at its *last* version."""
    seen, until = 0, time.monotonic() + DEADLINE_S
    while seen < last:
        seen = shop.glimpse(view, order_id, seen)
        expect(
            time.monotonic() < until,
            expected=f"order {order_id} at version {last} within {DEADLINE_S:g} s",
            got=f"version {seen}",
        )
