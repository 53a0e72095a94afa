"""One item per event, written and read with boto3's resource API."""

import json
import uuid
from io import BytesIO
from pathlib import Path

import boto3
from boto3.dynamodb.conditions import Attr, Key
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.validation import ValidationError, validate

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted
from labs.lab3.events import ItemAdded, OrderConfirmed, OrderCreated

CLASSES = {cls.__name__: cls for cls in (OrderCreated, ItemAdded, OrderConfirmed)}


class EventStore:
    def __init__(self):
        self._table = boto3.resource("dynamodb").Table("event-store")
        folder = Path(__file__).parent / "schemas"
        self._schemas = {
            name: parse_schema(json.loads((folder / f"{name}.avsc").read_text())) for name in CLASSES
        }

    def append_events(self, aggregate_id, expected_version, events):
        token = str(uuid.uuid4())
        items = [
            {
                "aggregate_id": aggregate_id,
                "version": expected_version + i,
                "event_type": type(event).__name__,
                "payload": self._to_avro(event),
                "token": token,
            }
            for i, event in enumerate(events, start=1)
        ]
        current = self._current_version(aggregate_id)
        if current != expected_version:
            raise ConcurrencyError(aggregate_id, expected_version, current)
        if len(items) == 1:
            self._write_guarded(token, items, lambda: self._put(items[0]))
        elif items:
            self._write_guarded(token, items, lambda: self._put_all(items))

    def _put(self, item):
        self._table.put_item(Item=item, ConditionExpression=Attr("version").not_exists())

    def _put_all(self, items):
        put = {"TableName": self._table.name, "ConditionExpression": "attribute_not_exists(version)"}
        puts = [{"Put": {**put, "Item": item}} for item in items]
        self._table.meta.client.transact_write_items(TransactItems=puts)

    def _write_guarded(self, token, items, write):
        aggregate_id, first_version = items[0]["aggregate_id"], items[0]["version"]
        try:
            write()
        except Exception as problem:
            if "ValidationException" in str(problem):
                raise
            # A condition that failed, a token that was replayed, a connection that was cut: look.
            key = {"aggregate_id": aggregate_id, "version": first_version}
            winner = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
            if winner is None:
                raise
            if winner["token"] != token:
                current = self._current_version(aggregate_id)
                raise ConcurrencyError(aggregate_id, first_version - 1, current) from problem

    def get_events(self, aggregate_id, from_version=0):
        query = {
            "KeyConditionExpression": Key("aggregate_id").eq(aggregate_id) & Key("version").gt(from_version),
            "ConsistentRead": True,
        }
        items = []
        while True:
            page = self._table.query(**query)
            items += page["Items"]
            if "LastEvaluatedKey" not in page:
                break
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        versions = [int(item["version"]) for item in items]
        if versions != list(range(from_version + 1, from_version + 1 + len(versions))):
            raise StreamCorrupted(f"{aggregate_id} has a hole: {versions[:20]}")
        return [self._from_avro(item).model_copy(update={"version": int(item["version"])}) for item in items]

    def _current_version(self, aggregate_id):
        newest = self._table.query(
            KeyConditionExpression=Key("aggregate_id").eq(aggregate_id),
            ProjectionExpression="version",
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )["Items"]
        return int(newest[0]["version"]) if newest else 0

    def _to_avro(self, event):
        try:
            schema = self._schemas[type(event).__name__]
            record = event.model_dump()
            validate(record, schema, strict=True)
        except (KeyError, ValidationError) as problem:
            raise InvalidEvent(str(problem)) from problem
        buffer = BytesIO()
        schemaless_writer(buffer, schema, record)
        return buffer.getvalue()

    def _from_avro(self, item):
        name = item["event_type"]
        return CLASSES[name](**schemaless_reader(BytesIO(item["payload"].value), self._schemas[name], None))
