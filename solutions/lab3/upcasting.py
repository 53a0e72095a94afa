"""
The model answer to lab 3: events of schema version 1, read as those of today.

Avro's schema resolution does what it can: the readers below are today's names for what was written, so
fields are renamed by aliases, an int becomes a long, and what nobody wants any more is dropped. Cents
become an amount in code, for resolution does not calculate.
"""

import io
from typing import Any

import fastavro

from labs.lab3.errors import StreamCorrupted
from labs.lab3.events import EVENT_TYPES, Event
from labs.lab3.legacy import SCHEMA_VERSION, WRITER_SCHEMAS


def reader(name: str, *fields: dict[str, Any]) -> Any:
    """The schema that an event of version 1 is read by; its name without the namespace is the writer's."""
    # An instant must be read as the milliseconds that it was written in: resolution from millis to
    # micros changes no number, and would put everything into January 1970.
    at = {"type": "long", "logicalType": "timestamp-millis"}
    common = [
        {"name": "event_id", "type": "string"},
        {"name": "occurred_at", "type": at, "aliases": ["at"]},
        {"name": "order_id", "type": "string"},
    ]
    return fastavro.parse_schema({"type": "record", "name": name, "fields": [*common, *fields]})


READERS = {
    "OrderCreated": reader(
        "OrderCreated", {"name": "customer_id", "type": "string", "aliases": ["customer"]}
    ),
    "ItemAdded": reader(
        "ItemAdded",
        {"name": "item_id", "type": "string", "aliases": ["sku"]},
        {"name": "quantity", "type": "long", "aliases": ["pieces"]},
    ),
    "OrderConfirmed": reader("OrderConfirmed", {"name": "total_cents", "type": "long"}),
}
WRITERS = {name: fastavro.parse_schema(schema) for name, schema in WRITER_SCHEMAS.items()}


def upcast(event_type: str, schema_version: int, payload: bytes) -> Event:
    """The event of today that a stored one of schema version 1 is; its `version` is not set."""
    if schema_version != SCHEMA_VERSION or event_type not in READERS:
        raise StreamCorrupted(f"nobody can read {event_type} of schema version {schema_version}")
    try:
        fields = fastavro.schemaless_reader(io.BytesIO(payload), WRITERS[event_type], READERS[event_type])
    except (EOFError, ValueError, IndexError) as error:
        raise StreamCorrupted(f"a payload that is no {event_type}: {error}") from error
    return EVENT_TYPES[event_type](**as_today(fields))


def as_today(fields: dict[str, Any]) -> dict[str, Any]:
    """What resolution cannot do."""
    if "total_cents" in fields:
        fields["total_amount"] = fields.pop("total_cents") / 100  # times 0.01 is not the nearest float
    return fields
