"""What lab 3 gives to students: events, state and errors. No service is needed."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import fastavro
import pytest
from freezegun import freeze_time
from pydantic import ValidationError

from labs.lab3 import errors, events, legacy, pricing

CREATED = {"order_id": "1", "customer_id": "2"}


def test_an_event_has_an_id_and_a_time_of_its_own():
    """Two events made one after the other differ in their ids; their times are in UTC."""
    one, other = events.OrderCreated(**CREATED), events.OrderCreated(**CREATED)
    assert one.event_id != other.event_id
    assert timedelta(0) == one.occurred_at.utcoffset()
    assert one.version is None


def test_time_follows_freezegun():
    """An event made while the clock stands still happened at that instant."""
    with freeze_time("2024-02-29 12:00:00.000001"):
        event = events.OrderCreated(**CREATED)
    assert datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC) == event.occurred_at


def test_time_is_kept_in_utc():
    """A time of another zone is the same instant in UTC."""
    at = datetime(2025, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    event = events.OrderCreated(**CREATED, occurred_at=at)
    assert at == event.occurred_at
    assert UTC is event.occurred_at.tzinfo


def test_time_without_zone_is_refused():
    """An event cannot be made with a time that is no instant."""
    with pytest.raises(ValidationError, match="should have timezone info"):
        events.OrderCreated(**CREATED, occurred_at=datetime(2025, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("quantity", ["two", 2.5, None, [2]])
def test_what_is_no_number_is_refused(quantity):
    """A quantity that is no whole number is refused when the event is made."""
    with pytest.raises(ValidationError, match="quantity"):
        events.ItemAdded(order_id="1", item_id="2", quantity=quantity)


def test_values_of_dynamodb_are_taken():
    """A Decimal, as boto3's resource gives it, makes an int or a float."""
    added = events.ItemAdded(order_id="1", item_id="2", quantity=Decimal(3), version=Decimal(4))
    assert (3, 4) == (added.quantity, added.version)
    assert 0.1 == events.OrderConfirmed(order_id="1", total_amount=Decimal("0.1")).total_amount


@pytest.mark.parametrize("quantity", [0, -1, 2**63])
def test_an_event_may_say_what_cannot_be(quantity):
    """Whether a quantity makes sense is for the order to say, and whether it fits for the schema."""
    assert quantity == events.ItemAdded(order_id="1", item_id="2", quantity=quantity).quantity


def test_events_are_frozen():
    """A field of an event cannot be set: what has happened does not change."""
    event = events.OrderCreated(**CREATED)
    with pytest.raises(ValidationError, match="frozen"):
        event.version = 1


def test_event_types_by_name():
    """Every class of event is found by its name; Event itself is none of them."""
    assert {
        "OrderCreated": events.OrderCreated,
        "ItemAdded": events.ItemAdded,
        "OrderConfirmed": events.OrderConfirmed,
    } == events.EVENT_TYPES


def test_a_new_order_state():
    """The state before the first event is empty, and no two share their items."""
    state = events.OrderState()
    assert ("new", {}, 0, None) == (state.status, state.items, state.version, state.total_amount)
    state.items["1"] = 1
    assert {} == events.OrderState().items


def test_a_state_survives_json():
    """A state can be kept as JSON, as a snapshot keeps it, and made again."""
    state = events.OrderState(order_id="1", status="confirmed", items={"2": 3}, total_amount=0.1, version=4)
    assert state == events.OrderState.model_validate_json(state.model_dump_json())


def test_a_conflict_names_both_versions():
    """A ConcurrencyError names the stream and both versions, and can be made again from its args."""
    error = errors.ConcurrencyError("order-1", 3, 5)
    assert "order-1 is at version 5, not at 3" == str(error)
    again = errors.ConcurrencyError(*error.args)
    assert ("order-1", 3, 5) == (again.aggregate_id, again.expected_version, again.actual_version)


def test_the_old_service_had_a_schema_for_each_event():
    """Avro takes the writer schemas of version 1, one for each class of today's events, by its name."""
    parsed = {name: fastavro.parse_schema(schema) for name, schema in legacy.WRITER_SCHEMAS.items()}
    assert events.EVENT_TYPES.keys() == parsed.keys()
    assert [f"shop.v1.{name}" for name in parsed] == [schema["name"] for schema in parsed.values()]


def test_the_challenges_events_are_none_of_an_order():
    """What happens to baskets has no schema, so no store takes it for an event of an order."""
    given = {pricing.PriceSet, pricing.ItemHeld, pricing.HoldKept}
    assert not given & {*events.EVENT_TYPES.values()}
    assert ({}, 0) == (pricing.Basket().items, pricing.Basket().total_cents)
