"""A commit is an Avro file: header, union schema, deflated blocks. One conditional put writes it."""

import io
import json
import uuid
from pathlib import Path

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import BotoCoreError, ClientError
from fastavro import parse_schema, reader, validate, writer

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted
from labs.lab3.events import EVENT_TYPES

RAW = {
    path.stem: json.loads(path.read_text())
    for path in sorted(Path(__file__).with_name("schemas").glob("*.avsc"))
}
SINGLE = {name: parse_schema(json.loads(json.dumps(RAW[name]))) for name in EVENT_TYPES}
UNION = parse_schema([RAW[name] for name in EVENT_TYPES])
FULL = {SINGLE[name]["name"]: EVENT_TYPES[name] for name in EVENT_TYPES}


class EventStore:
    def __init__(self):
        self.table = boto3.resource("dynamodb").Table("event-store")
        # Ends of commits of this store's own: once the end of a commit, always the end of a commit.
        self.boundaries = {}

    def append_events(self, aggregate_id, expected_version, events):
        commit = uuid.uuid4().hex
        records = [self.record(event, version) for version, event in enumerate(events, expected_version + 1)]
        if not records or self.boundaries.get(aggregate_id) != expected_version:
            self.check_end(aggregate_id, expected_version)
        if not records:
            return
        buffer = io.BytesIO()
        writer(buffer, UNION, records, codec="deflate", strict=False)
        end = expected_version + len(records)
        key = {"aggregate_id": aggregate_id, "version": expected_version + 1}
        item = {**key, "end_version": end, "commit_id": commit, "avro": buffer.getvalue()}
        try:
            self.table.put_item(Item=item, ConditionExpression=Attr("version").not_exists())
        except (ClientError, BotoCoreError):
            stored = self.table.get_item(Key=key, ConsistentRead=True)
            if stored.get("Item", {}).get("commit_id") != commit:
                self.check_end(aggregate_id, expected_version)
                raise
        self.boundaries[aggregate_id] = end

    def record(self, event, version):
        name = type(event).__name__
        fields = {**event.model_dump(), "version": version}
        if name not in SINGLE:
            raise InvalidEvent(f"{name}: no such event")
        if not validate(fields, SINGLE[name], raise_errors=False, strict=True):
            raise InvalidEvent(f"{name}: {fields} does not fit")
        return (SINGLE[name]["name"], fields)

    def check_end(self, aggregate_id, expected_version):
        stream = Key("aggregate_id").eq(aggregate_id)
        newest = next(self.commits(stream, ScanIndexForward=False, Limit=1), None)
        end = int(newest["end_version"]) if newest else 0
        if end != expected_version:
            raise ConcurrencyError(aggregate_id, expected_version, end)

    def get_events(self, aggregate_id, from_version=0):
        events = []
        stream = Key("aggregate_id").eq(aggregate_id)
        up_to = stream & Key("version").lte(from_version + 1)
        holding = next(self.commits(up_to, ScanIndexForward=False, Limit=1), None)
        due = int(holding["version"]) if holding else 1
        for commit in self.commits(stream & Key("version").gte(due)):
            if commit["version"] != due:
                raise StreamCorrupted(f"{aggregate_id} lacks version {due}")
            due = int(commit["end_version"]) + 1
            stored = reader(io.BytesIO(commit["avro"].value), return_record_name=True)
            events.extend(FULL[name](**fields) for name, fields in stored)
        return [event for event in events if event.version > from_version]

    def commits(self, condition, **options):
        while True:
            page = self.table.query(KeyConditionExpression=condition, ConsistentRead=True, **options)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            options["ExclusiveStartKey"] = page["LastEvaluatedKey"]
