"""An event store on DynamoDB: each batch is one item, kept under its first version."""

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
        commit_id = str(uuid.uuid4())
        item = {
            **key(aggregate_id, expected_version + 1),
            "last_version": {"N": str(expected_version + len(stored))},
            "commit_id": {"S": commit_id},
            "events": {"L": stored},
        }
        try:
            self.client.put_item(
                TableName=TABLE, Item=item, ConditionExpression="attribute_not_exists(aggregate_id)"
            )
        except (BotoCoreError, ClientError):
            winner = self.commit_at(aggregate_id, expected_version + 1)
            if winner and winner["commit_id"]["S"] == commit_id:
                return  # only the reply was lost
            if winner:
                actual = self.current_version(aggregate_id)
                raise ConcurrencyError(aggregate_id, expected_version, actual) from None
            raise

    def get_events(self, aggregate_id, from_version=0):
        events = []
        start = self.last_commit(aggregate_id, from_version + 1)
        following = int(start["version"]["N"]) if start else 1
        for commit in self.commits(aggregate_id, following):
            if int(commit["version"]["N"]) != following:
                raise StreamCorrupted(f"{aggregate_id}: version {following} is missing")
            following = int(commit["last_version"]["N"]) + 1
            events += [decode(stored) for stored in commit["events"]["L"]]
        return [event for event in events if event.version > from_version]

    def commits(self, aggregate_id, first):
        start = {}
        while True:
            page = self.client.query(
                TableName=TABLE,
                KeyConditionExpression="aggregate_id = :id AND version >= :first",
                ExpressionAttributeValues={":id": {"S": aggregate_id}, ":first": {"N": str(first)}},
                ConsistentRead=True,
                **start,
            )
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def current_version(self, aggregate_id):
        last = self.last_commit(aggregate_id, 10**15)
        return int(last["last_version"]["N"]) if last else 0

    def last_commit(self, aggregate_id, up_to):
        """Where the last commit that begins at *up_to* or before begins and ends."""
        newest = self.client.query(
            TableName=TABLE,
            KeyConditionExpression="aggregate_id = :id AND version <= :up_to",
            ExpressionAttributeValues={":id": {"S": aggregate_id}, ":up_to": {"N": str(up_to)}},
            ProjectionExpression="version, last_version",
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )["Items"]
        return newest[0] if newest else None

    def commit_at(self, aggregate_id, version):
        reply = self.client.get_item(TableName=TABLE, Key=key(aggregate_id, version), ConsistentRead=True)
        return reply.get("Item")


def key(aggregate_id, version):
    return {"aggregate_id": {"S": aggregate_id}, "version": {"N": str(version)}}


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
