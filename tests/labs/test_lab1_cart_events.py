"""What part C of lab 1 gives to students: the events of a cart, and how a record holds one."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from freezegun import freeze_time
from pydantic import ValidationError

from labs.lab1.cart_events import Cart, CheckedOut, ItemAdded, ItemRemoved, decode, encode

AT = datetime(2026, 3, 5, 12, 0, 0, 1, tzinfo=UTC)
OF_A_CART = {"cart_id": "Zoë 🦉", "version": 7, "occurred_at": AT}


@pytest.mark.parametrize(
    "event",
    [
        ItemAdded(**OF_A_CART, item_id="lamp", quantity=2),
        ItemRemoved(**OF_A_CART, item_id="", quantity=2**60),
        CheckedOut(**OF_A_CART),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_comes_back(event):
    """Each kind of event is of the same class, and equal in every field, when it is read."""
    assert event == decode(encode(event))
    assert type(event) is type(decode(encode(event)))


def test_a_record_holds_json():
    """Its value is JSON that names the event's class, with the time to the microsecond."""
    value = encode(ItemAdded(**OF_A_CART, item_id="lamp", quantity=2))
    assert {
        "type": "ItemAdded",
        "cart_id": "Zoë 🦉",
        "version": 7,
        "occurred_at": "2026-03-05T12:00:00.000001Z",
        "item_id": "lamp",
        "quantity": 2,
    } == json.loads(value)


def test_time_is_kept_in_utc():
    """A time of another zone is the same instant in UTC; one that is not given is that of now."""
    event = CheckedOut(cart_id="1", version=1, occurred_at=AT.astimezone(timezone(timedelta(hours=2))))
    assert AT == event.occurred_at
    assert UTC is event.occurred_at.tzinfo
    with freeze_time(AT):
        assert AT == CheckedOut(cart_id="1", version=1).occurred_at


def test_time_without_zone_is_refused():
    """An event cannot be made with a time that is no instant."""
    with pytest.raises(ValidationError, match="should have timezone info"):
        CheckedOut(cart_id="1", version=1, occurred_at=AT.replace(tzinfo=None))


def test_nothing_of_it_changes():
    """Events and carts are frozen, and carts share no items."""
    with pytest.raises(ValidationError, match="frozen"):
        CheckedOut(**OF_A_CART).version = 8
    with pytest.raises(ValidationError, match="frozen"):
        Cart().version = 1
    assert Cart().items is not Cart().items
