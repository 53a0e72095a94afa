"""Commits of JSON, snapshots taken while appending, and an index on time that is only believed so far."""

import contextlib
import json
import uuid
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
from boto3.dynamodb.conditions import Key
from botocore.exceptions import BotoCoreError, ClientError
from fastavro import parse_schema
from fastavro.validation import validate_many

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted
from labs.lab3.events import EVENT_TYPES, OrderState
from labs.lab3.order import Order
from labs.lab3.upcasting import upcast

EVERY = 1_000
SCHEMAS = {}
for file in Path(__file__).with_name("schemas").glob("*.avsc"):
    SCHEMAS[file.stem] = parse_schema(json.loads(file.read_text()))


class EventStore:
    def __init__(self):
        self.table = boto3.resource("dynamodb").Table("event-store")

    def append_events(self, aggregate_id, expected_version, events):
        for event in events:
            self.validate(event)
        self.expect_end(aggregate_id, expected_version)
        if not events:
            return
        me = str(uuid.uuid4())
        commit = {
            "aggregate_id": aggregate_id,
            "version": expected_version + 1,
            "end": expected_version + len(events),
            "written_by": me,
            "events": json.dumps(
                [{"$type": type(e).__name__, **e.model_dump(mode="json")} for e in events], ensure_ascii=False
            ),
        }
        try:
            self.table.put_item(Item=commit, ConditionExpression="attribute_not_exists(aggregate_id)")
        except (BotoCoreError, ClientError):
            key = {"aggregate_id": aggregate_id, "version": expected_version + 1}
            there = self.table.get_item(Key=key, ConsistentRead=True).get("Item")
            if not (there and there["written_by"] == me):
                self.expect_end(aggregate_id, expected_version)
                raise
        if commit["end"] // EVERY > expected_version // EVERY:
            with contextlib.suppress(Exception):  # the batch is stored, whatever becomes of the snapshot
                self.take_snapshot(aggregate_id)

    def take_snapshot(self, aggregate_id):
        version, found = self.get_snapshot(aggregate_id) or (0, {"order": {}, "latest": -(10**17)})
        order, latest = Order(OrderState(**found["order"])), found["latest"]
        for event in self.get_events(aggregate_id, version):
            order.apply_event(event)
            version, latest = event.version, max(latest, micros(event.occurred_at))
        state = {"order": order.get_state().model_dump(mode="json"), "latest": latest}
        self.save_snapshot(aggregate_id, version, state)
        entry = {"aggregate_id": f"instants/{aggregate_id}", "version": latest, "snapshot": version}
        self.table.put_item(Item=entry)

    def get_events(self, aggregate_id, from_version=0):
        return [event for event in self.read(aggregate_id, 1, []) if event.version > from_version]

    def get_events_until(self, aggregate_id, timestamp):
        if timestamp.utcoffset() is None:
            raise ValueError("an instant has a time zone")
        return [event for event in self.read(aggregate_id, 1, []) if event.occurred_at <= timestamp]

    def get_events_around(self, aggregate_id, first_version, timestamp):
        """From a commit's first version on, until clocks can differ no more."""
        events = []
        for event in self.read(aggregate_id, first_version, [("Limit", 8)]):
            if event.occurred_at > timestamp and event.occurred_at - timestamp > timedelta(hours=1):
                break
            events.append(event)
        return [event for event in events if event.occurred_at <= timestamp]

    def read(self, aggregate_id, first_version, options):
        condition = Key("aggregate_id").eq(aggregate_id) & Key("version").gte(first_version)
        next_version = first_version
        for commit in self.query(KeyConditionExpression=condition, **dict(options)):
            if commit["version"] != next_version:
                raise StreamCorrupted(f"version {next_version} of {aggregate_id} is missing")
            for event in self.events_of(commit):
                yield event.model_copy(update={"version": next_version})
                next_version += 1

    def events_of(self, commit):
        if "schema_version" in commit:
            payload = commit["payload"].value
            return [upcast(commit["event_type"], int(commit["schema_version"]), payload)]
        return [self.revive(document) for document in json.loads(commit["events"])]

    def save_snapshot(self, aggregate_id, version, state):
        item = {"aggregate_id": aggregate_id, "version": -version, "deflated": zlib.compress(dumped(state))}
        self.table.put_item(Item=item)

    def get_snapshot(self, aggregate_id, max_version=None):
        if max_version is not None and max_version < 0:
            return None
        low = -(10**15) if max_version is None else -max_version
        condition = Key("aggregate_id").eq(aggregate_id) & Key("version").between(low, 0)
        for item in self.query(KeyConditionExpression=condition, Limit=1):
            with contextlib.suppress(zlib.error):
                return -int(item["version"]), json.loads(zlib.decompress(item["deflated"].value))
        return None

    def snapshot_at(self, aggregate_id, timestamp):
        """What the index on time points to, if that is there and what it should be."""
        condition = Key("aggregate_id").eq(f"instants/{aggregate_id}") & Key("version").lte(micros(timestamp))
        for entry in self.query(KeyConditionExpression=condition, ScanIndexForward=False, Limit=1):
            found = self.get_snapshot(aggregate_id, int(entry["snapshot"]))
            if found and found[1]["latest"] <= micros(timestamp):
                return found
        return None

    def expect_end(self, aggregate_id, expected_version):
        last = self.newest(Key("aggregate_id").eq(aggregate_id) & Key("version").gte(1))
        end = int(last.get("end", last["version"])) if last else 0
        if end != expected_version:
            raise ConcurrencyError(aggregate_id, expected_version, end)

    def newest(self, condition):
        return next(self.query(KeyConditionExpression=condition, ScanIndexForward=False, Limit=1), None)

    def query(self, **arguments):
        more = {}
        while more is not None:
            page = self.table.query(ConsistentRead=True, **arguments, **more)
            yield from page["Items"]
            key = page.get("LastEvaluatedKey")
            more = {"ExclusiveStartKey": key} if key else None

    def validate(self, event):
        schema = SCHEMAS.get(type(event).__name__)
        if schema is None or not validate_many([event.model_dump()], schema, raise_errors=False, strict=True):
            raise InvalidEvent(repr(event))

    def revive(self, document):
        event_type = EVENT_TYPES[document.pop("$type")]
        return event_type.model_validate_json(json.dumps(document))


def micros(instant):
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def dumped(state):
    return json.dumps(state, separators=(",", ":")).encode()
