"""Commits keyed by their first version, each tied to the one before it by a ConditionCheck."""

import io
import json
from functools import cache
from pathlib import Path
from uuid import uuid4

import boto3
import fastavro
from botocore.exceptions import BotoCoreError, ClientError

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted
from labs.lab3.events import EVENT_TYPES

TABLE = "event-store"


@cache
def schema_of(name):
    path = Path(__file__).parent / "schemas" / f"{name}.avsc"
    return fastavro.parse_schema(json.loads(path.read_text(encoding="utf-8")))


class EventStore:
    def __init__(self):
        self.dynamodb = boto3.client("dynamodb")

    def append_events(self, aggregate_id, expected_version, events):
        names = [{"S": type(event).__name__} for event in events]
        blobs = [{"B": to_avro(event, v)} for v, event in enumerate(events, expected_version + 1)]
        previous = self.last_commit(aggregate_id)
        actual = int(previous["last_version"]["N"]) if previous else 0
        if actual != expected_version:
            raise ConcurrencyError(aggregate_id, expected_version, actual)
        if not blobs:
            return
        commit_id = uuid4().bytes
        item = {
            "aggregate_id": {"S": aggregate_id},
            "version": {"N": str(expected_version + 1)},
            "last_version": {"N": str(expected_version + len(blobs))},
            "commit_id": {"B": commit_id},
            "names": {"L": names},
            "blobs": {"L": blobs},
        }
        new = "attribute_not_exists(version)"
        actions = [{"Put": {"TableName": TABLE, "Item": item, "ConditionExpression": new}}]
        if previous:
            link = {
                "TableName": TABLE,
                "Key": {key: previous[key] for key in ("aggregate_id", "version")},
                "ConditionExpression": "last_version = :expected",
                "ExpressionAttributeValues": {":expected": {"N": str(expected_version)}},
            }
            actions.insert(0, {"ConditionCheck": link})
        self.commit(aggregate_id, expected_version, commit_id, actions)

    def commit(self, aggregate_id, expected_version, commit_id, actions):
        for attempt in range(8):
            try:
                self.dynamodb.transact_write_items(TransactItems=actions)
            except (ClientError, BotoCoreError) as error:
                key = {"aggregate_id": {"S": aggregate_id}, "version": {"N": str(expected_version + 1)}}
                rival = self.dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item")
                if rival and rival["commit_id"]["B"] == commit_id:
                    return
                if rival:
                    head = int(self.last_commit(aggregate_id)["last_version"]["N"])
                    raise ConcurrencyError(aggregate_id, expected_version, head) from error
                code = getattr(error, "response", {}).get("Error", {}).get("Code")
                if code != "TransactionCanceledException" or attempt == 7:
                    raise
            else:
                return

    def get_events(self, aggregate_id, from_version=0):
        events = []
        start = self.last_commit(aggregate_id, from_version + 1)
        due = int(start["version"]["N"]) if start else 1
        for item in self.commits(aggregate_id, due):
            first, last = int(item["version"]["N"]), int(item["last_version"]["N"])
            if first != due:
                raise StreamCorrupted(f"{aggregate_id}: versions {due} to {first - 1} are missing")
            due = last + 1
            for name, blob in zip(item["names"]["L"], item["blobs"]["L"], strict=True):
                events.append(from_avro(name["S"], blob["B"]))
        return [event for event in events if event.version > from_version]

    def commits(self, aggregate_id, first):
        arguments = {}
        while True:
            page = self.dynamodb.query(
                TableName=TABLE,
                KeyConditionExpression="aggregate_id = :a AND version >= :first",
                ExpressionAttributeValues={":a": {"S": aggregate_id}, ":first": {"N": str(first)}},
                ConsistentRead=True,
                **arguments,
            )
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            arguments = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def last_commit(self, aggregate_id, up_to=10**15):
        """The place of the last commit that begins at *up_to* or before."""
        items = self.dynamodb.query(
            TableName=TABLE,
            KeyConditionExpression="aggregate_id = :a AND version <= :up_to",
            ExpressionAttributeValues={":a": {"S": aggregate_id}, ":up_to": {"N": str(up_to)}},
            ProjectionExpression="aggregate_id, version, last_version",
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )["Items"]
        return items[0] if items else None


def to_avro(event, version):
    name = type(event).__name__
    if name not in EVENT_TYPES:
        raise InvalidEvent(f"no schema is known for {name}")
    record = {**dict(event), "version": version}
    try:
        fastavro.validate(record, schema_of(name), strict=True)
    except fastavro.validation.ValidationError as error:
        raise InvalidEvent(str(error)) from error
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema_of(name), record)
    return out.getvalue()


def from_avro(name, blob):
    return EVENT_TYPES[name](**fastavro.schemaless_reader(io.BytesIO(blob), schema_of(name), None))
