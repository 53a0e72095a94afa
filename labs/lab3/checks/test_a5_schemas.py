"""Don't change the tests. A5: events go through their Avro schemas, and what does not fit is refused."""

import io
from datetime import UTC, datetime, timedelta, timezone
from itertools import count

import fastavro
import hypothesis
import pytest
from fastavro.schema import load_schema
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from labs.lab3.checks.checking import has_room, items, same_events, told, unchanged
from labs.lab3.errors import InvalidEvent
from labs.lab3.events import EVENT_TYPES, ItemAdded, OrderConfirmed, OrderCreated
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by
from pytest_labkit.faults.dynamodb import WRITES

pytestmark = pytest.mark.criterion("A5")

AT = datetime(2025, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)
SAMPLES = [
    OrderCreated(order_id="123", customer_id="Zoë", occurred_at=AT),
    ItemAdded(order_id="123", item_id="789", quantity=2**40, occurred_at=AT),
    OrderConfirmed(order_id="123", total_amount=0.1, occurred_at=AT),
]


@pytest.mark.promise("A5.1")
@pytest.mark.parametrize("event", SAMPLES, ids=[type(event).__name__ for event in SAMPLES])
def test_the_schema_fits_the_event(event, store, answers):
    """Each schema is an Avro record that every field of its event fits, and gives back as it was."""
    store.append_events("order-1", 0, [event])
    schema = _schema(answers, type(event).__name__)
    for version in (None, 7):
        record = event.model_copy(update={"version": version}).model_dump()
        problem = raised_by(lambda r=record: fastavro.validate(r, schema, strict=True))
        expect(problem is None, expected=f"{record} to fit", got=told(problem))
        expect.equal(record, _through(schema, record), perhaps="a field is missing, or of another type")


@pytest.mark.promise("A5.2")
def test_times_are_timestamps(store, answers):
    """occurred_at is a timestamp-micros in every schema, so that other readers of Avro know it for a time."""
    store.append_events("order-1", 0, items(1))
    for name in EVENT_TYPES:
        fields = {field["name"]: field["type"] for field in _schema(answers, name)["fields"]}
        kind = fields.get("occurred_at")
        expect(
            isinstance(kind, dict) and kind.get("logicalType") == "timestamp-micros",
            expected=f"occurred_at of {name} to be a long with the logicalType timestamp-micros",
            got=str(kind),
        )


def _schema(answers, name):
    """The student's schema of *name*, parsed."""
    path = answers.path(f"schemas/{name}.avsc")
    try:
        schema = load_schema(str(path))
    except Exception as error:
        expect(False, expected=f"schemas/{name}.avsc to be an Avro schema", got=told(error))
    expect(
        isinstance(schema, dict) and schema.get("type") == "record",
        expected=f"schemas/{name}.avsc to be a record",
        got=str(schema)[:100],
    )
    return schema


def _through(schema, record):
    """*record* written and read again."""
    file = io.BytesIO()
    fastavro.schemaless_writer(file, schema, record)
    file.seek(0)
    return fastavro.schemaless_reader(file, schema, None)


TEXT = st.text(max_size=30)
LONG = st.integers(-(2**63), 2**63 - 1)
TIME = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.timezones())  # noqa: DTZ001
EVENTS = st.one_of(
    st.builds(OrderCreated, order_id=TEXT, customer_id=TEXT, occurred_at=TIME),
    st.builds(ItemAdded, order_id=TEXT, item_id=TEXT, quantity=LONG, occurred_at=TIME),
    st.builds(
        OrderConfirmed,
        order_id=TEXT,
        total_amount=st.floats(allow_nan=False, allow_infinity=False),
        occurred_at=TIME,
    ),
)

EDGES = [  # whatever chance comes up with, these are tried
    OrderCreated(order_id="", customer_id="", occurred_at=datetime(1900, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
    ItemAdded(order_id="1", item_id="2", quantity=2**53 + 1, occurred_at=AT),  # no float has it
    ItemAdded(order_id="1", item_id="2", quantity=-(2**63), occurred_at=AT),
    OrderConfirmed(order_id="1", total_amount=1234.56789, occurred_at=AT),  # more than cents, or 32 bits
    OrderConfirmed(
        order_id="1", total_amount=5e-324, occurred_at=datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    ),
    OrderCreated(
        order_id="",
        customer_id="Zoë 🦉 \n\t\"'\\ \x00",
        occurred_at=datetime(2024, 2, 29, 23, 59, 59, 1, tzinfo=timezone(timedelta(hours=1))),
    ),
    ItemAdded(
        order_id="",
        item_id="漢字",
        quantity=2**53 + 1,
        occurred_at=datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ),
    ItemAdded(order_id="", item_id="e\u0301", quantity=-(2**63)),
    OrderConfirmed(order_id="", total_amount=0.1 + 0.2),
    OrderConfirmed(order_id="1", total_amount=99.99),
]


@pytest.mark.promise("A5.6")
def test_any_event_comes_back(store, elsewhere, table, seed):
    """
    Whatever events.py can make comes back as it was: text, 64-bit numbers, floats, times of any zone.

    Another process reads it: what goes through the table goes through what the table holds.
    """
    streams = count()

    @hypothesis.seed(seed)
    @settings(
        max_examples=30,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],  # each example is real requests: shrinking takes minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(EVENTS, min_size=1, max_size=6))
    @example(EDGES[:5])
    @example(EDGES[5:])
    def comes_back(events):
        stream = f"order-{next(streams)}"
        events = sorted(events, key=lambda event: event.occurred_at)  # what orders them is for A4 to see
        store.append_events(stream, 0, events)
        same_events(events, elsewhere.get_events(stream))

    store.append_events("order", 0, [*SAMPLES, *items(2, size=400)])
    has_room(table.items(), 2 * 200)
    comes_back()


MISSING = object()
BAD = [
    ("quantity", "2"),
    ("quantity", 2.5),
    ("quantity", 2.0),
    ("quantity", True),
    ("quantity", None),
    ("quantity", MISSING),
    ("quantity", 2**63),
    ("quantity", [2]),
    ("item_id", 789),
    ("item_id", None),
    ("item_id", b"789"),
    ("order_id", MISSING),
    ("event_id", 5),
    ("occurred_at", "2025-01-01T00:00:00Z"),
    ("occurred_at", None),
    ("occurred_at", MISSING),
]


@pytest.mark.promise("A5.3", "A5.4")
def test_bad_events_are_refused(answers, table, dynamodb):
    """A wrong, missing or too large value raises InvalidEvent before anything is written."""
    with dynamodb.proxied() as proxy:
        store = answers.event_store.EventStore()
        store.append_events("order-1", 0, SAMPLES)
        before, sent = table.items(), len(proxy.requests)
        for field, value in BAD:
            _is_refused(store, _broken(SAMPLES[1], field, value), f"ItemAdded with {_told(field, value)}")
        for value in ("9.99", None, False):
            _is_refused(
                store, _broken(SAMPLES[2], "total_amount", value), f"OrderConfirmed with {value!r} to pay"
            )
        writes = [r.operation for r in proxy.requests[sent:] if r.operation in WRITES]
        expect(
            not writes,
            expected="no write request for an event that is refused",
            got=f"{len(writes)}, the first a {writes[0]}" if writes else "",
            perhaps="every event of the batch has to be checked before the first is sent",
        )
        unchanged(before, table.items())


def _is_refused(store, event, what):
    error = raised_by(lambda: store.append_events("order-1", 3, [*items(2), event]))
    expect(
        isinstance(error, InvalidEvent),
        expected=f"InvalidEvent for an {what}",
        got=told(error),
        perhaps="the Avro library writes 2.5 as 2 and True as 1 unless it is told to validate"
        if error is None
        else None,
    )


def _broken(event, field, value):
    """*event* as it could not be made, with *value* in *field*, or without it."""
    fields = {**vars(event), field: value}
    if value is MISSING:
        del fields[field]
    made = type(event).model_construct()
    made.__dict__.clear()
    made.__dict__.update(fields)
    return made


def _told(field, value):
    return f"no {field}" if value is MISSING else f"{field}={value!r}"


@pytest.mark.promise("A5.5")
@pytest.mark.parametrize("quantity", [0, -1])
def test_a_quantity_that_no_order_takes_can_be_stored(quantity, store):
    """ItemAdded with a quantity of 0 fits its schema: it is the order that refuses it, not the store."""
    event = ItemAdded(order_id="1", item_id="2", quantity=quantity, occurred_at=AT + timedelta(days=1))
    store.append_events("order-1", 0, [event])
    same_events([event], store.get_events("order-1"))
