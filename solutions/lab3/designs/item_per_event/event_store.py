"""An event store on DynamoDB: an item for each event, a transaction for each batch."""

import io
import uuid
from pathlib import Path

import boto3
import fastavro
from botocore.exceptions import BotoCoreError, ClientError
from fastavro.schema import load_schema

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted
from labs.lab3.events import EVENT_TYPES

TABLE = "event-store"
SCHEMAS = {name: load_schema(Path(__file__).with_name("schemas") / f"{name}.avsc") for name in EVENT_TYPES}


class EventStore:
    def __init__(self):
        self.client = boto3.client("dynamodb")

    def append_events(self, aggregate_id, expected_version, events):
        stored = [encode(event, version) for version, event in enumerate(events, expected_version + 1)]
        actual = self.current_version(aggregate_id)
        if actual != expected_version:
            raise ConcurrencyError(aggregate_id, expected_version, actual)
        if not stored:
            return
        if len(stored) > 100:
            raise ValueError(f"{len(stored)} events do not fit into one transaction of 100")
        batch_id = str(uuid.uuid4())
        puts = [
            put(aggregate_id, version, batch_id, event)
            for version, event in enumerate(stored, expected_version + 1)
        ]
        try:
            self.client.transact_write_items(TransactItems=puts)
        except (BotoCoreError, ClientError):
            first = self.item_at(aggregate_id, expected_version + 1)
            if first and first["batch_id"]["S"] == batch_id:
                return  # only the reply was lost
            if first:
                actual = self.current_version(aggregate_id)
                raise ConcurrencyError(aggregate_id, expected_version, actual) from None
            raise

    def get_events(self, aggregate_id, from_version=0):
        events = []
        pages = self.client.get_paginator("query").paginate(
            TableName=TABLE,
            KeyConditionExpression="aggregate_id = :id AND version > :from_version",
            ExpressionAttributeValues={":id": {"S": aggregate_id}, ":from_version": {"N": str(from_version)}},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                if int(item["version"]["N"]) != from_version + len(events) + 1:
                    raise StreamCorrupted(f"{aggregate_id} has a hole before version {item['version']['N']}")
                events.append(decode(item["event"]))
        return events

    def current_version(self, aggregate_id):
        newest = self.client.query(
            TableName=TABLE,
            KeyConditionExpression="aggregate_id = :id",
            ExpressionAttributeValues={":id": {"S": aggregate_id}},
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )["Items"]
        return int(newest[0]["version"]["N"]) if newest else 0

    def item_at(self, aggregate_id, version):
        reply = self.client.get_item(TableName=TABLE, Key=key(aggregate_id, version), ConsistentRead=True)
        return reply.get("Item")


def key(aggregate_id, version):
    return {"aggregate_id": {"S": aggregate_id}, "version": {"N": str(version)}}


def put(aggregate_id, version, batch_id, event):
    return {
        "Put": {
            "TableName": TABLE,
            "Item": {**key(aggregate_id, version), "batch_id": {"S": batch_id}, "event": event},
            "ConditionExpression": "attribute_not_exists(aggregate_id)",
        }
    }


def encode(event, version):
    name = type(event).__name__
    record = {**event.model_dump(), "version": version}
    if name not in SCHEMAS or not fastavro.validate(record, SCHEMAS[name], raise_errors=False, strict=True):
        raise InvalidEvent(f"{event!r} does not fit the schema of {name}")
    out = io.BytesIO()
    fastavro.schemaless_writer(out, SCHEMAS[name], record)
    return {"M": {"type": {"S": name}, "data": {"B": out.getvalue()}}}


def decode(stored):
    name, data = stored["M"]["type"]["S"], stored["M"]["data"]["B"]
    return EVENT_TYPES[name](**fastavro.schemaless_reader(io.BytesIO(data), SCHEMAS[name], None))
