"""Don't change the tests. B4: a read model rebuilt from nothing is the same, and answers meanwhile."""

import time

import pytest

from labs.lab3.checks.checking import DEADLINE_S, unchanged, until
from labs.lab3.checks.shop import an_order, background, listing
from labs.lab3.events import ItemAdded, OrderConfirmed
from pytest_labkit import expect

pytestmark = pytest.mark.criterion("B4")

REBUILDS = 3
AWAY_S = 1.0
REMEMBERED = "the projector goes on from a position that it remembers, though what it had shown is gone"
NEARER = 6  # steps towards the end of a rebuild
EMPTY = "the view was emptied, or filled bit by bit, while it was being asked"


@pytest.mark.promise("B4.1", "B4.3")
def test_redis_comes_back_empty(shop, faults):
    """Redis is killed and comes back without a key while a projector runs: in the end everything is shown."""
    view = shop.view()
    with shop.another_process() as other:
        running = other.beside("projecting").Running(other.projections.Projector())
        for first, last in ((1, 5), (6, 10)):
            _orders(shop, first, last)
            _is_shown_by(running, shop, view, str(last))
        with faults.redis.killed():
            _orders(shop, 11, 13)
        _orders(shop, 14, 16)
        shop.append("2", OrderConfirmed(order_id="2", total_amount=1.0))
        afresh = shop.view()
        _all_are_shown(shop, afresh, running, "Redis", perhaps=REMEMBERED)
    shop.project(shop.projector())
    shop.is_shown(afresh)


def _is_shown_by(running, shop, view, order_id):
    """The projector that is *running* has an order shown, as it is now, before anything is broken."""
    version, began = len(shop.events[order_id]), time.monotonic()
    if view.wait_for(order_id, version, DEADLINE_S) is True:
        return
    waited_s, state = time.monotonic() - began, view.order(order_id)
    said = running.stop()
    shown = "not shown" if state is None else f"shown at version {getattr(state, 'version', '?')}"
    expect(
        False,
        expected=f"order {order_id} shown at version {version} in {DEADLINE_S:g} s, nothing being broken yet",
        got=f"wait_for returned after {waited_s:.0f} s, and the order is {shown}" + _raised(said),
        perhaps="the projector does not run through, or wait_for looks at something else than order shows",
    )


def _raised(said):
    return f"; run_once raised {said[-1]}" if said else "; run_once raised nothing"


def _all_are_shown(shop, view, running, away, perhaps=None):
    """The projector that is *running* shows all orders, after something was *away*."""
    shows_all = until(lambda: all(view.order(o) == shop.states(o)[-1] for o in shop.events))
    said = running.stop()
    expect(
        shows_all,
        expected=f"all {len(shop.events)} orders as they are, {DEADLINE_S:g} s after {away} has come back",
        got=f"{sum(view.order(o) == shop.states(o)[-1] for o in shop.events)} of them" + _raised(said),
        perhaps=perhaps,
    )


@pytest.mark.promise("B4.1")
def test_what_is_older_than_the_stream(closed_shop):
    """The table was there before its stream: a projector that finds nothing in Redis shows all of it."""
    shop = closed_shop
    _orders(shop, 1, 6)
    shop.open_stream()
    _orders(shop, 7, 9)
    shop.append("2", OrderConfirmed(order_id="2", total_amount=1.0))
    shop.project(shop.projector())
    shop.is_shown(shop.view(), perhaps="only the stream was read, which does not go back to the beginning")


@pytest.mark.promise("B4.2")
def test_the_stream_does_not_reach_back(shop):
    """What came after the position of the last projector is gone from the stream: all of it is shown."""
    _orders(shop, 1, 6)
    shop.project(shop.projector())
    _orders(shop, 7, 9)
    shop.append("2", OrderConfirmed(order_id="2", total_amount=1.0))
    shop.cut_off()
    _orders(shop, 10, 11)
    shop.project(shop.projector())
    shop.is_shown(shop.view(), perhaps="read raises PositionLost, and what it has not is in the table only")


@pytest.mark.promise("B4.3")
def test_dynamodb_is_away_for_a_while(shop, faults):
    """DynamoDB cannot be reached while a projector runs: it goes on, and in the end everything is shown."""
    view = shop.view()
    with shop.another_process() as other:
        running = other.beside("projecting").Running(other.projections.Projector())
        _orders(shop, 1, 5)
        _is_shown_by(running, shop, view, "5")
        with faults.dynamodb.refuse():
            time.sleep(AWAY_S)  # this long: it is the outage
        _orders(shop, 6, 9)
        shop.append("2", OrderConfirmed(order_id="2", total_amount=1.0))
        _all_are_shown(shop, view, running, "DynamoDB")
    shop.is_shown(view)


@pytest.mark.promise("B4.3")
def test_dynamodb_is_killed_and_comes_back(shop, faults):
    """DynamoDB is killed, and comes back with all it had, while a projector runs: everything is shown."""
    view = shop.view()
    with shop.another_process() as other:
        running = other.beside("projecting").Running(other.projections.Projector())
        for first in (1, 4):
            _orders(shop, first, first + 2)
            with faults.dynamodb.crashed():
                pass  # it is back when the fault is over, and what was put just before may not be shown yet
        _orders(shop, 7, 9)
        shop.append("2", OrderConfirmed(order_id="2", total_amount=1.0))
        _all_are_shown(shop, view, running, "DynamoDB")
    shop.is_shown(view)
    for order_id in shop.events:
        expect.equal(shop.stored(order_id), shop.store.get_events(f"order-{order_id}"))


@pytest.mark.promise("B4.4", "B4.8")
def test_a_rebuild_makes_the_same(shop):
    """Rebuilt, and rebuilt again, the view is what it was, without an order that the table has no more."""
    _orders(shop, 1, 12)
    projector, view = shop.projector(), shop.view()
    shop.project(projector)
    shop.events.pop("3")
    for item in shop.table.partition("order-3"):
        shop.table.delete(item)
    before = shop.table.items()
    for _ in range(2):
        projector.rebuild()
        shop.is_shown(view)
        expect.equal(None, view.order("3"), perhaps="what was there before the rebuild is still there")
    unchanged(before, shop.table.items(), perhaps="a rebuild reads events, and writes none")
    _orders(shop, 13, 14)
    shop.append("2", OrderConfirmed(order_id="2", total_amount=1.0))
    shop.project(projector)
    shop.is_shown(view, perhaps="after a rebuild the projector has to go on where the rebuild began to read")


@pytest.mark.promise("B4.5", "B4.6")
def test_questions_are_answered_while_it_is_rebuilt(shop, faults, rng):
    """Orders go on changing during a rebuild: no answer is empty, partial or older than the one before."""
    _orders(shop, 1, 120)
    view = shop.view()
    shop.project(shop.projector())
    there, new = sorted(shop.events), 121
    seen = {order_id: len(shop.events[order_id]) for order_id in there}
    with shop.another_process() as other, faults.redis.latency(0.001):
        projector = other.projections.Projector()
        for rebuild in range(1, REBUILDS + 1):
            rebuilding = background(projector.rebuild)
            while not rebuilding.is_over:
                _are_all_there(there, view)
                order_id = rng.choice(there)
                seen[order_id] = shop.glimpse(view, order_id, seen[order_id])
                if new <= 120 + 15 * rebuild:
                    _orders(shop, new, new)
                    shop.append(order_id, ItemAdded(order_id=order_id, item_id="more", quantity=1))
                    new += 1
            rebuilding.result()
        shop.project(projector)
    shop.is_shown(view, perhaps="what was stored while the table was read is neither in it nor read after it")


def _are_all_there(order_ids, view):
    """Those orders are in the lists by status, and with their customers, as they always were."""
    listed = {*listing(view.orders_with("created")), *listing(view.orders_with("confirmed"))}
    owned = {order_id for number in range(3) for order_id in listing(view.orders_of(f"c{number}"))}
    for what, found in (("a status", listed), ("their customers", owned)):
        missing = sorted({*order_ids} - found)
        expect(
            not missing,
            expected=f"{len(order_ids)} orders under {what} during a rebuild",
            got=f"{len(missing)} of them missing, such as {missing[:3]}",
            perhaps=EMPTY,
        )


@pytest.mark.promise("B4.7")
def test_a_rebuild_is_killed(shop, faults):
    """Killed at any step, a rebuild leaves the view as it was; the next one gets to its end."""
    _orders(shop, 1, 40)
    shop.project(shop.projector())
    view, sent = shop.view(), 256
    while _killed_after(sent, shop, faults):
        shop.is_shown(view, perhaps=EMPTY)
        sent *= 2
    killed, ended = sent // 2, sent
    for _ in range(NEARER):  # its last steps are the ones that readers could notice
        sent = (killed + ended) // 2
        if _killed_after(sent, shop, faults):
            killed = sent
        else:
            ended = sent
        shop.is_shown(view, perhaps="the new does not take the place of the old at a stroke")
    _orders(shop, 41, 42)
    shop.project(shop.projector())
    shop.is_shown(view, perhaps="what a rebuild that was killed has left is taken for the view")


def _killed_after(sent, shop, faults):
    """Kill a rebuild once it has sent so many bytes to Redis; whether it came to that."""
    with shop.another_process() as process, faults.redis.blackhole("upstream", after=sent) as hole:
        rebuilding = background(process.projections.Projector().rebuild)
        until(lambda: rebuilding.is_over or hole.fired > 0)
        was_killed = not rebuilding.is_over
        process.kill()
    if not was_killed:
        rebuilding.result()
    return was_killed


def _orders(shop, first, last):
    """Orders with these numbers, of three customers; every second one is confirmed."""
    for number in range(first, last + 1):
        events = an_order(str(number), f"c{number % 3}", 1, 2, confirmed=number % 2 == 0)
        shop.append(str(number), *events)
