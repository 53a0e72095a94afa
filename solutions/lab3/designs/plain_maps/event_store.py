"""Events as plain DynamoDB maps: every field is an attribute that the console can show."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import boto3
from boto3.dynamodb.conditions import Key
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError
from fastavro import parse_schema, validate
from fastavro.validation import ValidationError

from labs.lab3 import events as given
from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TABLE = "event-store"


def load_schema(name):
    try:
        return parse_schema(json.loads((Path(__file__).parent / "schemas" / f"{name}.avsc").read_bytes()))
    except FileNotFoundError:
        raise InvalidEvent(f"there is no schema for {name}") from None


class EventStore:
    def __init__(self):
        self.table = boto3.resource("dynamodb").Table(TABLE)
        self.client = boto3.client("dynamodb")

    def append_events(self, aggregate_id, expected_version, events):
        write_id = uuid4().hex
        items = []
        for event in events:
            record = {name: getattr(event, name, None) for name in vars(event)}
            try:
                validate(record, load_schema(type(event).__name__), strict=True)
            except ValidationError as error:
                raise InvalidEvent(str(error)) from error
            items.append(
                {
                    "aggregate_id": aggregate_id,
                    "version": expected_version + len(items) + 1,
                    "write_id": write_id,
                    "type": type(event).__name__,
                    "fields": {k: to_dynamodb(v) for k, v in record.items() if k != "version"},
                }
            )
        end = self.end_of(aggregate_id)
        if end != expected_version:
            raise ConcurrencyError(aggregate_id, expected_version, end)
        if len(items) > 100:
            raise OverflowError(f"{len(items)} events: a transaction takes 100")
        if items:
            self.write(items)

    def write(self, items):
        stream, first = items[0]["aggregate_id"], items[0]["version"]
        try:
            if len(items) == 1:
                self.write_one(items[0])
            else:
                self.write_all(items)
        except (ClientError, BotoCoreError):
            key = {"aggregate_id": stream, "version": first}
            found = self.table.get_item(Key=key, ConsistentRead=True).get("Item")
            if found and found["write_id"] == items[0]["write_id"]:
                return
            end = self.end_of(stream)
            if end != first - 1:
                raise ConcurrencyError(stream, first - 1, end) from None
            raise

    def write_one(self, item):
        self.table.update_item(
            Key={"aggregate_id": item["aggregate_id"], "version": item["version"]},
            UpdateExpression="SET write_id = :w, #t = :t, #f = :f",
            ConditionExpression="attribute_not_exists(write_id)",
            ExpressionAttributeNames={"#t": "type", "#f": "fields"},
            ExpressionAttributeValues={":w": item["write_id"], ":t": item["type"], ":f": item["fields"]},
        )

    def write_all(self, items):
        put = {"TableName": TABLE, "ConditionExpression": "attribute_not_exists(write_id)"}
        plain = [TypeSerializer().serialize(item)["M"] for item in items]
        self.client.transact_write_items(TransactItems=[{"Put": {**put, "Item": item}} for item in plain])

    def get_events(self, aggregate_id, from_version=0):
        result = []
        arguments = {
            "KeyConditionExpression": Key("aggregate_id").eq(aggregate_id) & Key("version").gt(from_version),
            "ConsistentRead": True,
        }
        while True:
            page = self.table.query(**arguments)
            for item in page["Items"]:
                if item["version"] != from_version + len(result) + 1:
                    raise StreamCorrupted(f"{aggregate_id} jumps to {item['version']}")
                result.append(self.to_event(item))
            arguments["ExclusiveStartKey"] = page.get("LastEvaluatedKey")
            if arguments["ExclusiveStartKey"] is None:
                return result

    def to_event(self, item):
        event_type = getattr(given, item["type"])
        fields = {name: from_dynamodb(name, value) for name, value in item["fields"].items()}
        return event_type(version=int(item["version"]), **fields)

    def end_of(self, aggregate_id):
        last = self.table.query(
            KeyConditionExpression=Key("aggregate_id").eq(aggregate_id),
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )
        return max((int(item["version"]) for item in last["Items"]), default=0)


def to_dynamodb(value):
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(microseconds=1)
    if isinstance(value, float):
        return repr(value)  # a DynamoDB number has a smaller range than a float
    return value


def from_dynamodb(name, value):
    if name == "occurred_at":
        return EPOCH + timedelta(microseconds=int(value))
    if name == "total_amount":
        return float(value)
    return int(value) if isinstance(value, Decimal) else value
