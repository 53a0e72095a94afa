"""One item per event; a batch is one transaction of conditional puts. Snapshots lie elsewhere."""

import io
import json
import uuid
from pathlib import Path

import boto3
import fastavro
from botocore.exceptions import BotoCoreError, ClientError
from fastavro.schema import load_schema

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted
from labs.lab3.events import EVENT_TYPES
from labs.lab3.upcasting import upcast

TABLE = "event-store"
SCHEMAS = {name: load_schema(Path(__file__).with_name("schemas") / f"{name}.avsc") for name in EVENT_TYPES}


class EventStore:
    def __init__(self):
        self.db = boto3.client("dynamodb")

    def append_events(self, aggregate_id, expected_version, events):
        batch = [
            (version, type(event).__name__, encode(event, version))
            for version, event in enumerate(events, expected_version + 1)
        ]
        head = self.head(aggregate_id)
        if head != expected_version:
            raise ConcurrencyError(aggregate_id, expected_version, head)
        if not batch:
            return
        if len(batch) > 100:
            raise ValueError("at most 100 events fit in one transaction")
        commit = uuid.uuid4().hex
        puts = [self.put(aggregate_id, commit, *stored) for stored in batch]
        for attempt in range(1, 6):
            try:
                self.db.transact_write_items(TransactItems=puts)
            except (ClientError, BotoCoreError) as error:
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

    def put(self, aggregate_id, commit, version, name, data):
        item = {
            "aggregate_id": {"S": aggregate_id},
            "version": {"N": str(version)},
            "type": {"S": name},
            "data": {"B": data},
            "commit": {"S": commit},
        }
        condition = "attribute_not_exists(aggregate_id)"
        return {"Put": {"TableName": TABLE, "Item": item, "ConditionExpression": condition}}

    def get_events(self, aggregate_id, from_version=0):
        return list(self.walk(aggregate_id, from_version))

    def get_events_until(self, aggregate_id, timestamp):
        if timestamp.tzinfo is None:
            raise ValueError("which zone?")
        return [event for event in self.walk(aggregate_id, 0) if not event.occurred_at > timestamp]

    def walk(self, aggregate_id, from_version, page_size=None):
        """The events one by one; pages are asked for when they are needed."""
        pages = self.pages(
            "aggregate_id = :a AND version > :v",
            {":a": {"S": aggregate_id}, ":v": {"N": str(from_version)}},
            PaginationConfig={"PageSize": page_size},
        )
        for version, item in enumerate((item for page in pages for item in page), from_version + 1):
            if int(item["version"]["N"]) != version:
                raise StreamCorrupted(f"{aggregate_id}: version {version} is missing")
            yield decode(item).model_copy(update={"version": version})

    def pages(self, condition, values, **options):
        pages = self.db.get_paginator("query").paginate(
            TableName=TABLE,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
            **options,
        )
        return (page["Items"] for page in pages)

    def save_snapshot(self, aggregate_id, version, state):
        place = {"aggregate_id": {"S": f"snapshots of {aggregate_id}"}, "version": {"N": str(version)}}
        self.db.put_item(TableName=TABLE, Item={**place, "json": {"S": json.dumps(state)}})

    def get_snapshot(self, aggregate_id, max_version=None):
        most = 10**20 if max_version is None else max_version
        pages = self.pages(
            "aggregate_id = :a AND version <= :v",
            {":a": {"S": f"snapshots of {aggregate_id}"}, ":v": {"N": str(most)}},
            ScanIndexForward=False,
            PaginationConfig={"PageSize": 1},
        )
        for item in (item for page in pages for item in page):
            try:
                return int(item["version"]["N"]), json.loads(item["json"]["S"])
            except ValueError:
                continue
        return None

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


def decode(item):
    if "payload" in item:
        return upcast(item["event_type"]["S"], int(item["schema_version"]["N"]), item["payload"]["B"])
    name = item["type"]["S"]
    return EVENT_TYPES[name](**fastavro.schemaless_reader(io.BytesIO(item["data"]["B"]), SCHEMAS[name], None))
