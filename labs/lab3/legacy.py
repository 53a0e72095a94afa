"""
Given: how the shop's old service stored its events. It is gone, and its items are still in the table.

It wrote one event into each item, and numbered them as you do: 1, 2, 3 … in each stream.

    aggregate_id    S   the stream, such as "order-123"
    version         N   the event's place in it
    schema_version  N   1
    event_type      S   "OrderCreated", "ItemAdded" or "OrderConfirmed"
    payload         B   the event in Avro binary, without a header, by the schema of its type below

What has become of its fields since:

    at           occurred_at   then in milliseconds
    customer     customer_id
    sku          item_id
    pieces       quantity      then of 32 bits
    total_cents  total_amount  now the amount itself: 1999 cents are 19.99
    newsletter   -
    currency     -             it was always the same

Today's events, those of `events.py`, are schema version 2. Leave this file as it is; the checks bring
their own copy.
"""

from typing import Any

SCHEMA_VERSION = 1

_EVENT_ID = {"name": "event_id", "type": "string"}
_AT = {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}
_ORDER_ID = {"name": "order_id", "type": "string"}

WRITER_SCHEMAS: dict[str, dict[str, Any]] = {
    "OrderCreated": {
        "type": "record",
        "name": "OrderCreated",
        "namespace": "shop.v1",
        "fields": [
            _EVENT_ID,
            _AT,
            {"name": "newsletter", "type": "boolean"},
            _ORDER_ID,
            {"name": "customer", "type": "string"},
        ],
    },
    "ItemAdded": {
        "type": "record",
        "name": "ItemAdded",
        "namespace": "shop.v1",
        "fields": [
            _EVENT_ID,
            _AT,
            {"name": "pieces", "type": "int"},
            _ORDER_ID,
            {"name": "sku", "type": "string"},
        ],
    },
    "OrderConfirmed": {
        "type": "record",
        "name": "OrderConfirmed",
        "namespace": "shop.v1",
        "fields": [
            _EVENT_ID,
            _AT,
            _ORDER_ID,
            {"name": "total_cents", "type": "long"},
            {"name": "currency", "type": {"type": "enum", "name": "Currency", "symbols": ["EUR"]}},
        ],
    },
}
