"""One item per event; a batch is one transaction of conditional puts."""

import io
import json
import uuid
from pathlib import Path

import boto3
import fastavro
from botocore.exceptions import BotoCoreError, ClientError

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted
from labs.lab3.events import EVENT_TYPES

TABLE = "event-store"
SCHEMAS = {
    name: fastavro.parse_schema(
        json.loads(Path(__file__).with_name("schemas").joinpath(f"{name}.avsc").read_text())
    )
    for name in EVENT_TYPES
}


class EventStore:
    def __init__(self):
        self.db = boto3.client("dynamodb")

    def append_events(self, aggregate_id, expected_version, events):
        batch = [
            (version, type(event).__name__, encode(event, version))
            for version, event in enumerate(events, expected_version + 1)
        ]
        # Streams only grow, so what is read here as "not past the end" stays so.
        head = self.head(aggregate_id)
        if head != expected_version:
            raise ConcurrencyError(aggregate_id, expected_version, head)
        if not batch:
            return
        if len(batch) > 100:
            raise ValueError("at most 100 events fit in one transaction")
        commit = uuid.uuid4().hex
        puts = [
            {
                "Put": {
                    "TableName": TABLE,
                    "Item": {
                        "aggregate_id": {"S": aggregate_id},
                        "version": {"N": str(version)},
                        "type": {"S": name},
                        "data": {"B": data},
                        "commit": {"S": commit},
                    },
                    "ConditionExpression": "attribute_not_exists(aggregate_id)",
                }
            }
            for version, name, data in batch
        ]
        for attempt in range(1, 6):
            try:
                self.db.transact_write_items(TransactItems=puts)
            except (ClientError, BotoCoreError) as error:
                # Whatever the error says, what lies at our first version tells whose batch won.
                first = self.item(aggregate_id, expected_version + 1)
                if first is not None and first["commit"]["S"] == commit:
                    return
                if first is not None:
                    actual = self.head(aggregate_id)
                    raise ConcurrencyError(aggregate_id, expected_version, actual) from error
                if attempt == 5 or not transient(error):
                    raise
            else:
                return

    def get_events(self, aggregate_id, from_version=0):
        events = []
        pages = self.db.get_paginator("query").paginate(
            TableName=TABLE,
            KeyConditionExpression="aggregate_id = :a AND version > :v",
            ExpressionAttributeValues={":a": {"S": aggregate_id}, ":v": {"N": str(from_version)}},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                version = int(item["version"]["N"])
                if version != from_version + len(events) + 1:
                    raise StreamCorrupted(
                        f"{aggregate_id}: version {from_version + len(events) + 1} is missing"
                    )
                events.append(decode(item["type"]["S"], item["data"]["B"]))
        return events

    def item(self, aggregate_id, version):
        key = {"aggregate_id": {"S": aggregate_id}, "version": {"N": str(version)}}
        return self.db.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item")

    def head(self, aggregate_id):
        found = self.db.query(
            TableName=TABLE,
            KeyConditionExpression="aggregate_id = :a",
            ExpressionAttributeValues={":a": {"S": aggregate_id}},
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )["Items"]
        return int(found[0]["version"]["N"]) if found else 0


def transient(error):
    if isinstance(error, BotoCoreError):
        return False
    reasons = {reason["Code"] for reason in error.response.get("CancellationReasons", [])}
    return bool(reasons & {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


def encode(event, version):
    name = type(event).__name__
    if name not in SCHEMAS:
        raise InvalidEvent(f"there is no schema for {name}")
    record = {**event.model_dump(), "version": version}
    if not fastavro.validate(record, SCHEMAS[name], strict=True, raise_errors=False):
        raise InvalidEvent(f"{record} is no {name}")
    out = io.BytesIO()
    fastavro.schemaless_writer(out, SCHEMAS[name], record)
    return out.getvalue()


def decode(name, data):
    return EVENT_TYPES[name](**fastavro.schemaless_reader(io.BytesIO(data), SCHEMAS[name], None))
