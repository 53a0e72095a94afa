"""Don't change the tests. C3: the cart as it was at any instant."""

from datetime import timedelta, timezone

import pytest

from labs.lab1.cart_events import Cart, ItemAdded
from labs.lab1.checks.carts import MICROSECOND, MINUTE, NOON, cart_at, life, same_cart, shuffled
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by

pytestmark = pytest.mark.criterion("C3")

INDIA = timezone(timedelta(hours=5, minutes=30))
QUESTIONS = 10


def added(*times):
    """Events of cart 1 that occur at *times*, each with an item of its own."""
    return [
        ItemAdded(cart_id="1", version=version, item_id=f"item-{version}", quantity=1, occurred_at=at)
        for version, at in enumerate(times, 1)
    ]


def right_at(log, events, *instants):
    """At each of *instants* the cart is what *events* had made of it."""
    for instant in instants:
        same_cart(cart_at(events, instant), log.state_at("1", instant), f"cart '1' at {instant}")


@pytest.mark.promise("C3.1")
def test_the_bounds(carts, cart_log):
    """Before its first event a cart is Cart(), and each event counts from its very instant on."""
    first, second = NOON + 500 * MICROSECOND, NOON + MINUTE
    events = added(first, second)
    same_cart(Cart(), cart_log.state_at("1", first), "in an empty log, cart '1'")
    carts.write(events)
    right_at(cart_log, events, NOON - 999 * MINUTE, first - MICROSECOND, first, first + MICROSECOND)
    right_at(cart_log, events, second - MICROSECOND, second, NOON + 9_999_999 * MINUTE)


@pytest.mark.promise("C3.2")
def test_events_of_one_instant(carts, cart_log):
    """Three events occur at one instant: all of them count from then on."""
    events = added(NOON, NOON + MINUTE, NOON + MINUTE, NOON + MINUTE, NOON + 2 * MINUTE)
    carts.write(events)
    right_at(cart_log, events, NOON + MINUTE - MICROSECOND, NOON + MINUTE, NOON + MINUTE + MICROSECOND)


@pytest.mark.promise("C3.2")
def test_time_zones(carts, cart_log):
    """An instant of another time zone is the same instant; a time without a zone is none: ValueError."""
    events = added(NOON, NOON + MINUTE)
    carts.write(events)
    right_at(cart_log, events, (NOON - MICROSECOND).astimezone(INDIA), NOON.astimezone(INDIA))
    right_at(cart_log, events, (NOON + MINUTE).astimezone(timezone(timedelta(hours=-9))))
    error = raised_by(lambda: cart_log.state_at("1", NOON.replace(tzinfo=None)))
    expect(
        isinstance(error, ValueError),
        expected="ValueError for a time without a time zone",
        got="no exception" if error is None else f"{type(error).__name__}: {error}"[:200],
        perhaps="noon is another instant in each zone",
    )


@pytest.mark.promise("C3.3")
def test_events_that_come_late(carts, cart_log):
    """Events lie behind others that occurred after them: each counts from its own instant on."""
    minutes = [0, 30, 10, 20, 31, 5]
    events = added(*(NOON + minute * MINUTE for minute in minutes))
    carts.write(events)
    right_at(cart_log, events, *(NOON + minute * MINUTE for minute in (0, 5, 9, 15, 29, 30, 31)))


@pytest.mark.promise("C3.4", "C3.5")
def test_snapshots_change_no_answer(carts, cart_log, answers, rng):
    """Snapshots are taken, before and behind the instant, and after an event that occurred long ago."""
    *events, late = added(*(NOON + minute * MINUTE for minute in [*range(1, 13), 2]))
    carts.write(events[:6])
    cart_log.take_snapshot("1")
    carts.write(events[6:])
    instants = [NOON + minute * MINUTE for minute in (3, 6, 12)]
    right_at(cart_log, events, *instants)
    cart_log.take_snapshot("1")
    right_at(cart_log, events, *instants)
    cart_log.append(late)
    right_at(cart_log, [*events, late], *instants)
    cart_log.take_snapshot("1")
    right_at(answers.another_process().event_sourcing.CartLog(carts.topic), [*events, late], *instants)


@pytest.mark.promise("C3.1", "C3.3")
def test_any_instant_of_a_life(carts, cart_log, rng):
    """A cart of 200 events among others, some late, some copied: it is right at instants taken by chance."""
    events = life(rng, "1", 200)
    carts.write(shuffled(rng, events, life(rng, "2", 200), life(rng, "3", 200)))
    carts.write(events[50:100])
    around = [event.occurred_at + beside for event in events for beside in (-MICROSECOND, 0 * MINUTE)]
    right_at(cart_log, events, *rng.sample(around, QUESTIONS))
