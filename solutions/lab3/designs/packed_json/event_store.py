"""One JSON document per commit. Avro judges the events, JSON keeps them."""

import json
import uuid
from pathlib import Path

import boto3
from boto3.dynamodb.conditions import Key
from botocore.exceptions import BotoCoreError, ClientError
from fastavro import parse_schema
from fastavro.validation import validate_many

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted
from labs.lab3.events import EVENT_TYPES

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
            if there and there["written_by"] == me:
                return  # the reply was lost, not the write
            self.expect_end(aggregate_id, expected_version)
            raise

    def get_events(self, aggregate_id, from_version=0):
        events, next_version = [], 1
        for commit in self.query(KeyConditionExpression=Key("aggregate_id").eq(aggregate_id)):
            if commit["version"] != next_version:
                raise StreamCorrupted(f"version {next_version} of {aggregate_id} is missing")
            for number, document in enumerate(json.loads(commit["events"]), next_version):
                if number > from_version:
                    events.append(self.revive(document, number))
            next_version = int(commit["end"]) + 1
        return events

    def expect_end(self, aggregate_id, expected_version):
        last = self.newest(Key("aggregate_id").eq(aggregate_id))
        end = int(last["end"]) if last else 0
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

    def revive(self, document, version):
        event_type = EVENT_TYPES[document.pop("$type")]
        return event_type.model_validate_json(json.dumps({**document, "version": version}))
