"""Don't change the tests. B2: what comes twice, late or out of turn changes nothing; a kill loses nothing."""

import itertools

import pytest

from labs.lab3.checks.checking import DEADLINE_S, at_once, until
from labs.lab3.checks.shop import an_order, background
from labs.lab3.events import ItemAdded, OrderConfirmed
from pytest_labkit import expect

pytestmark = pytest.mark.criterion("B2")

ORDERS = 24
STEPS = 16  # at which the projector is killed, besides those that find out how many bytes it sends
MANY = 400  # events between an event and the same once more
LOST = "the position was kept before the view was written: what came in between is never shown"


@pytest.mark.promise("B2.1", "B2.2", "B2.4")
def test_events_in_any_order_any_number_of_times(shop, rng):
    """
    The events of an order come shuffled, most of them more than once; the view is right at each step.

    Right is a state that the order has had, not older than the one before, and in the end the last.
    """
    view = shop.view()
    for number in range(ORDERS):
        order_id = f"order {number}"
        shop.append(order_id, *an_order(order_id, f"c{number % 3}", 1, 2, 3, confirmed=number % 2 == 0))
        stored, seen, came = shop.stored(order_id), 0, set()
        for event in _shuffled(stored, rng, number):
            view.handle(event)
            came.add(event.version)
            seen = shop.glimpse(view, order_id, seen)
            complete = next(v for v in itertools.count(0) if v + 1 not in came)
            expect(
                seen >= complete,
                expected=f"{order_id} at version {complete}: all events up to there have come, in some order",
                got=f"version {seen}, after the versions {sorted(came)}",
                perhaps="an event that came too early was dropped, or waits for ever",
            )
    shop.is_shown(view)


def _shuffled(events, rng, number):
    """*events* in another order, with some of them again; the first few ways are fixed."""
    fixed = [
        list(events),
        list(reversed(events)),
        [*events, *events],
        [event for event in events for _ in range(3)],
        [events[0], *events[2:], events[1]],
        [*events[1:], events[0]],
    ]
    if number < len(fixed):
        return fixed[number]
    again = rng.choices(events, k=rng.randint(0, 4))
    mixed = [*events, *again]
    rng.shuffle(mixed)
    return mixed


@pytest.mark.promise("B2.1")
def test_an_old_event_comes_once_more(shop):
    """An event comes again long after: when its order is confirmed, and hundreds of others have come."""
    view, projector = shop.view(), shop.projector()
    shop.append("1", *an_order("1", "c", 2, 3, confirmed=True))
    shop.append("2", *an_order("2", "c", 4))
    shop.project(projector)
    for number in range(MANY // 100):
        shop.append(f"many {number}", *an_order(f"many {number}", "d", *range(1, 100)))
    shop.project(projector)
    for event in [*shop.stored("1"), *shop.stored("2")]:
        view.handle(event)
    shop.is_shown(view, perhaps="what was seen is remembered for the last few events only")


@pytest.mark.promise("B2.5")
def test_a_handler_is_tried_again(shop, faults):
    """Redis is out of reach at the first try of an event: the second is not taken for a copy."""
    view = shop.view()
    shop.append("1", *an_order("1", "c", 1, 2, confirmed=True))
    events = shop.stored("1")
    view.handle(events[0])
    for event in events[1:]:
        with faults.redis.refuse():
            trying = background(lambda e=event: view.handle(e))
            until(lambda t=trying: t.is_over)
            expect(
                trying.is_over and trying.has_failed,
                expected="handle to raise while Redis is out of reach",
                got="it returned" if trying.is_over else f"it did not end in {DEADLINE_S:g} s",
                perhaps="an error is swallowed, and the event with it",
            )
        view.handle(event)
    shop.is_shown(view, perhaps="the event was marked as seen before it was applied")


@pytest.mark.promise("B2.1")
def test_the_stream_repeats_itself(shop):
    """Items come a second time, later in the stream, in another order."""
    projector, view = shop.projector(), shop.view()
    for number in range(6):
        shop.append(f"{number}", *an_order(f"{number}", "c", 1, 2))
        shop.append(f"{number}", ItemAdded(order_id=f"{number}", item_id="x", quantity=5))
    shop.append("0", OrderConfirmed(order_id="0", total_amount=1.0))
    shop.project(projector)
    items = shop.table.items()
    for item in reversed(items):
        shop.table.delete(item)
        shop.table.put(item)
    shop.append("5", OrderConfirmed(order_id="5", total_amount=2.0))
    shop.project(projector)
    shop.is_shown(view, perhaps="a change at another place of the stream is taken for another event")


@pytest.mark.promise("B2.2")
def test_the_stream_is_out_of_order(closed_shop, rng):
    """The items of several orders come shuffled, each of them once or twice."""
    shop = closed_shop
    for number, _ in itertools.product(range(4), range(3)):
        order_id, known = f"{number}", shop.events.get(f"{number}", [])
        shop.append(order_id, *an_order(order_id, "c", 1, 2, 3, 4, confirmed=True)[len(known) :][:2])
    items = shop.table.items()
    for item in items:
        shop.table.delete(item)
    shop.open_stream()
    projector, view = shop.projector(), shop.view()
    shop.project(projector)  # there is nothing: what comes now, comes from the stream
    mixed = items + rng.sample(items, len(items) // 2)
    rng.shuffle(mixed)
    for item in mixed:
        shop.table.delete(item)
        shop.table.put(item)
    shop.project(projector)
    shop.is_shown(view, perhaps="a batch that came before the one in front of it was dropped")


@pytest.mark.promise("B2.6")
def test_killed_at_every_step(shop, faults, own_redis):
    """
    The projector is killed (SIGKILL) after each so many bytes to Redis; the next process goes on.

    What is shown right after the kill is whole, and what is shown in the end is right.
    """
    view, numbers = shop.view(), itertools.count(1)
    with shop.another_process() as first:
        shop.project(first.projections.Projector())
    sent = 64
    while _killed_after(sent, shop, faults, view, str(next(numbers))):
        sent *= 2
    # Evenly spread, and shifted a little each time, so that all of a write is passed in the end.
    for step in range(STEPS):
        _killed_after(sent * step // STEPS + step % 7, shop, faults, view, str(next(numbers)))
    with shop.another_process() as last:
        shop.project(last.projections.Projector())
    shop.is_shown(view, perhaps=LOST)


def _killed_after(sent, shop, faults, view, order_id):
    """Kill a projector once it has sent so many bytes to Redis; whether it came to that."""
    previous = str(int(order_id) - 1)
    shop.append(order_id, *an_order(order_id, f"c{int(order_id) % 2}", 1, 2))
    if previous in shop.events:
        shop.append(previous, OrderConfirmed(order_id=previous, total_amount=1.0))
    shop.is_delivered()
    before = view.order(previous)
    with shop.another_process() as process:
        projector = process.projections.Projector()
        with faults.redis.blackhole("upstream", after=sent) as hole:
            going = background(lambda: shop.project(projector))
            until(lambda: going.is_over or hole.fired > 0)
            was_killed = not going.is_over
            process.kill()
    shop.glimpse(view, previous, before.version if before else 0)
    shop.glimpse(view, order_id)
    if not was_killed:
        going.result()
    return was_killed


@pytest.mark.promise("B2.3")
def test_events_are_handled_side_by_side(shop):
    """Four threads in two processes handle the events of one order at once; none is lost."""
    shop.append("1", *an_order("1", "c", *range(1, 60)))
    events = shop.stored("1")
    with shop.another_process() as one, shop.another_process() as other:
        views = [process.projections.OrderView() for process in (one, one, other, other)]
        at_once([lambda v=v, n=n: _handle(v, events[n::4]) for n, v in enumerate(views)])
    shop.is_shown(shop.view(), perhaps="an order was read, and written after somebody else had changed it")


def _handle(view, events):
    for event in events:
        view.handle(event)


@pytest.mark.promise("B2.7")
def test_two_projectors_at_once(shop):
    """Two processes project the same stream side by side; every event counts once."""
    view = shop.view()
    shop.project(shop.projector())
    with shop.another_process() as one, shop.another_process() as other:
        runs = [p.beside("projecting").Running(p.projections.Projector()) for p in (one, other)]
        at_once([lambda w=w: _orders(shop, w) for w in range(2)])
        for order_id, events in shop.events.items():
            view.wait_for(order_id, len(events), DEADLINE_S)
        at_once([run.stop for run in runs])
    shop.project(shop.projector())
    shop.is_shown(view, perhaps="a state was read, and written after another projector had changed it")


def _orders(shop, writer):
    """A dozen orders, each in several commits."""
    for number in range(12):
        order_id = f"{writer}-{number}"
        events = an_order(order_id, "c", 1, 2, 3, 4, confirmed=True)
        for start in range(0, len(events), 2):
            shop.append(order_id, *events[start : start + 2])
