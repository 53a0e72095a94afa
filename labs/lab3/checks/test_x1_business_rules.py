"""Don't change the tests. X1, a challenge: prices in force, corrections of the past, holds that lapse."""

from datetime import UTC, datetime, timedelta

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labs.lab3.checks.checking import told
from labs.lab3.errors import OrderRuleBroken
from labs.lab3.pricing import Basket, HoldKept, ItemHeld, PriceSet
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by

pytestmark = pytest.mark.criterion("X1")

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
CORRECTED = "of two prices for one instant the one stored later is right"
HOUR, MICROSECOND = timedelta(hours=1), timedelta(microseconds=1)


def _price(cents, *, valid_from, decided=None, item_id="tea"):
    return PriceSet(item_id=item_id, cents=cents, valid_from=valid_from, occurred_at=decided or valid_from)


def _held(at, quantity=1, *, hold_id="h1", item_id="tea"):
    return ItemHeld(hold_id=hold_id, item_id=item_id, quantity=quantity, occurred_at=at)


def _kept(at, *, hold_id="h1"):
    return HoldKept(hold_id=hold_id, occurred_at=at)


def _is(expected, got, perhaps=None):
    """*got* is a basket with these items and this total."""
    expect(type(got) is Basket, expected="a Basket", got=f"a {type(got).__name__}")
    expect.equal(expected, (got.items, got.total_cents), perhaps=perhaps)


@pytest.mark.promise("X1.2", "X1.4", "X1.6")
def test_the_price_in_force(answers):
    """An item costs what it cost at the moment when it was held, whatever it costs later."""
    basket_at = answers.temporal.basket_at
    events = [
        _price(300, valid_from=NOON - HOUR),
        _held(NOON - MICROSECOND, 2, hold_id="h1"),
        _price(500, valid_from=NOON),
        _held(NOON, 1, hold_id="h2"),
        _price(9, valid_from=NOON - HOUR, item_id="milk"),
    ]
    _is(({"tea": 2}, 600), basket_at(events, NOON - MICROSECOND))
    _is(({"tea": 3}, 1100), basket_at(events, NOON + HOUR), "a price counts from its very instant on")
    _is(({}, 0), basket_at(events, NOON - HOUR))
    _is(({}, 0), basket_at([], NOON))


@pytest.mark.promise("X1.2")
def test_a_price_of_the_future(answers):
    """A price that was decided before an item was held, and is valid from later on, does not count."""
    events = [
        _price(300, valid_from=NOON - HOUR),
        _price(900, valid_from=NOON + HOUR, decided=NOON - HOUR),
        _held(NOON),
    ]
    _is(
        ({"tea": 1}, 300),
        answers.temporal.basket_at(events, NOON),
        "valid_from says when a price is in force",
    )


@pytest.mark.promise("X1.1", "X1.3")
def test_a_correction_of_the_past(answers):
    """A correction takes effect in the past, and what was known before it can still be asked."""
    basket_at = answers.temporal.basket_at
    events = [
        _price(300, valid_from=NOON - 9 * HOUR),
        _held(NOON - 8 * HOUR, hold_id="h1"),
        _price(500, valid_from=NOON - 5 * HOUR),
        _held(NOON - 4 * HOUR, hold_id="h2"),
        _price(250, valid_from=NOON - 9 * HOUR, decided=NOON),
        _price(700, valid_from=NOON - 7 * HOUR, decided=NOON + HOUR),
    ]
    at = NOON - HOUR
    _is(({"tea": 2}, 750), basket_at(events, at), CORRECTED)
    _is(({"tea": 2}, 750), basket_at(events, at, known_at=NOON))
    _is(({"tea": 2}, 800), basket_at(events, at, known_at=NOON - MICROSECOND), "it was not known yet")
    _is(({"tea": 1}, 300), basket_at(events, at, known_at=NOON - 5 * HOUR), "nor was the second hold")


@pytest.mark.promise("X1.4")
def test_a_hold_lapses(answers):
    """A hold that nobody keeps is gone 24 hours after it was placed, at that very instant."""
    events = [_price(300, valid_from=NOON - HOUR), _held(NOON, 2), _held(NOON + 5 * HOUR, 1, hold_id="h2")]
    basket_at = answers.temporal.basket_at
    _is(({"tea": 3}, 900), basket_at(events, NOON + 24 * HOUR - MICROSECOND))
    _is(({"tea": 1}, 300), basket_at(events, NOON + 24 * HOUR), "at 24 hours it has lapsed")
    _is(({}, 0), basket_at(events, NOON + 29 * HOUR))


@pytest.mark.promise("X1.5")
@pytest.mark.parametrize(
    ("kept", "stays"),
    [
        (NOON, True),
        (NOON + 24 * HOUR - MICROSECOND, True),
        (NOON + 24 * HOUR, False),
        (NOON + 30 * HOUR, False),
        (NOON - MICROSECOND, False),
    ],
    ids=["at once", "just in time", "just too late", "much too late", "before the hold"],
)
def test_a_hold_is_kept(kept, stays, answers):
    """A hold that was kept in time does not lapse; one that had lapsed does not come back."""
    events = [_price(300, valid_from=NOON - HOUR), _held(NOON, 2), _kept(kept), _kept(NOON, hold_id="other")]
    later = answers.temporal.basket_at(events, NOON + 1000 * HOUR)
    _is(({"tea": 2}, 600) if stays else ({}, 0), later)
    _is(({"tea": 2}, 600), answers.temporal.basket_at(events, NOON + 24 * HOUR - MICROSECOND))


@pytest.mark.promise("X1.1", "X1.5")
def test_what_was_not_known_of_a_hold(answers):
    """At an instant after its lapse a hold is gone for those who did not know yet that it was kept."""
    events = [_price(300, valid_from=NOON - HOUR), _held(NOON), _kept(NOON + 5 * HOUR)]
    at = NOON + 48 * HOUR
    _is(({"tea": 1}, 300), answers.temporal.basket_at(events, at, known_at=NOON + 5 * HOUR))
    _is(({}, 0), answers.temporal.basket_at(events, at, known_at=NOON + 5 * HOUR - MICROSECOND))


@pytest.mark.promise("X1.6")
def test_no_price(answers):
    """An item in the basket that had no price when it was held raises OrderRuleBroken."""
    events = [_held(NOON), _price(300, valid_from=NOON + MICROSECOND)]
    error = raised_by(lambda: answers.temporal.basket_at(events, NOON))
    expect(isinstance(error, OrderRuleBroken), expected="OrderRuleBroken", got=told(error))
    _is(({}, 0), answers.temporal.basket_at(events, NOON + 24 * HOUR))


TIMES = st.integers(0, 60).map(lambda hours: NOON + hours * HOUR)
IDS = st.sampled_from("ab")
HAPPENED = st.one_of(
    st.builds(PriceSet, item_id=IDS, cents=st.integers(1, 99), valid_from=TIMES, occurred_at=TIMES),
    st.tuples(IDS, st.integers(1, 5), TIMES, st.none() | TIMES),
)


@pytest.mark.promise("X1.1", "X1.2", "X1.3", "X1.4", "X1.5")
def test_any_history(answers, seed):
    """Whatever happened, in whatever order it was stored, the basket is the one that the rules give."""
    basket_at = answers.temporal.basket_at

    @hypothesis.seed(seed)
    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(HAPPENED, max_size=10), TIMES, st.none() | TIMES, st.randoms(use_true_random=False))
    def follows_the_rules(happened, at, known_at, chance):
        events = [_price(7, valid_from=NOON - HOUR, item_id=item_id) for item_id in "ab"]
        for number, one in enumerate(happened):
            events += [one] if isinstance(one, PriceSet) else _hold(number, *one)
        chance.shuffle(events)
        _is(_by_the_rules(events, at, known_at), basket_at(events, at, known_at))

    follows_the_rules()


def _hold(number, item_id, quantity, at, kept):
    hold_id = f"h{number}"
    return [_held(at, quantity, hold_id=hold_id, item_id=item_id)] + (
        [] if kept is None else [_kept(kept, hold_id=hold_id)]
    )


def _by_the_rules(events, at, known_at):
    """The rules of the README, one after the other."""
    known = [event for event in events if known_at is None or event.occurred_at <= known_at]
    kept = {(event.hold_id, event.occurred_at) for event in known if type(event) is HoldKept}
    items, total = {}, 0
    for hold in [event for event in known if type(event) is ItemHeld and event.occurred_at <= at]:
        lapses = hold.occurred_at + 24 * HOUR
        in_time = [when for id_, when in kept if id_ == hold.hold_id and hold.occurred_at <= when < lapses]
        if at >= lapses and not in_time:
            continue
        cents, newest = 0, None
        for price in [event for event in known if type(event) is PriceSet and event.item_id == hold.item_id]:
            if price.valid_from <= hold.occurred_at and (newest is None or price.valid_from >= newest):
                cents, newest = price.cents, price.valid_from
        items[hold.item_id] = items.get(hold.item_id, 0) + hold.quantity
        total += hold.quantity * cents
    return items, total
