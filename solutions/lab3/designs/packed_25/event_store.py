"""Up to 25 events (and 100 KB) an item, as many items as a batch needs, all in one transaction."""

import io
import time
import uuid
from pathlib import Path

import boto3
import fastavro
from botocore.exceptions import BotoCoreError, ClientError
from fastavro.schema import load_schema

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted
from labs.lab3.events import EVENT_TYPES

SCHEMAS = [load_schema(Path(__file__).with_name("schemas") / f"{name}.avsc") for name in EVENT_TYPES]
TYPES = list(EVENT_TYPES.values())
PER_ITEM, BYTES_PER_ITEM = 25, 100_000


class EventStore:
    def __init__(self):
        self._dynamodb = boto3.client("dynamodb")

    def append_events(self, aggregate_id, expected_version, events):
        encoded = [_encoded(event) for event in events]
        end = self._end(aggregate_id)
        if end != expected_version:
            raise ConcurrencyError(aggregate_id, expected_version, end)
        if encoded:
            commit_id = str(uuid.uuid4())
            items = list(_items(aggregate_id, expected_version, encoded, commit_id))
            self._write(aggregate_id, expected_version, commit_id, items)

    def _write(self, aggregate_id, expected_version, commit_id, items):
        put = {"TableName": "event-store", "ConditionExpression": "attribute_not_exists(n)"}
        puts = [{"Put": {**put, "Item": item}} for item in items]
        pause = 0.02
        while True:
            try:
                self._dynamodb.transact_write_items(TransactItems=puts)
            except (BotoCoreError, ClientError) as error:
                key = {name: items[0][name] for name in ("aggregate_id", "version")}
                reply = self._dynamodb.get_item(TableName="event-store", Key=key, ConsistentRead=True)
                there = reply.get("Item")
                if there and there["commit_id"]["S"] == commit_id:
                    return
                if there:
                    raise ConcurrencyError(aggregate_id, expected_version, self._end(aggregate_id)) from error
                if pause > 1 or "TransactionCanceled" not in str(error):
                    raise
            else:
                return
            time.sleep(pause)
            pause *= 2

    def get_events(self, aggregate_id, from_version=0):
        events, due = [], None
        for item in self._items(aggregate_id, from_version):
            first, count = int(item["version"]["N"]), int(item["n"]["N"])
            if first != (due or first):
                raise StreamCorrupted(f"{aggregate_id}: {due} expected, {first} found")
            due = first + count
            events += list(enumerate((packed["L"] for packed in item["events"]["L"]), first))
        tail = [(version, packed) for version, packed in events if version > from_version]
        if tail and tail[0][0] != from_version + 1:
            raise StreamCorrupted(f"{aggregate_id}: {from_version + 1} expected, {tail[0][0]} found")
        return [_decoded(version, packed) for version, packed in tail]

    def _items(self, aggregate_id, from_version):
        # No item holds more than 25 events, so none that matters begins earlier than this.
        paginator = self._dynamodb.get_paginator("query")
        for page in paginator.paginate(
            TableName="event-store",
            KeyConditionExpression="aggregate_id = :a AND version > :v",
            ExpressionAttributeValues={":a": {"S": aggregate_id}, ":v": {"N": str(from_version - PER_ITEM)}},
            ConsistentRead=True,
        ):
            yield from page["Items"]

    def _end(self, aggregate_id):
        answer = self._dynamodb.query(
            TableName="event-store",
            KeyConditionExpression="aggregate_id = :a",
            ExpressionAttributeValues={":a": {"S": aggregate_id}},
            ProjectionExpression="version, n",
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )
        return sum(int(item["version"]["N"]) + int(item["n"]["N"]) - 1 for item in answer["Items"])


def _items(aggregate_id, expected_version, encoded, commit_id):
    first, held, size = expected_version + 1, [], 0
    for one in encoded:
        if held and (len(held) == PER_ITEM or size + len(one[1]) > BYTES_PER_ITEM):
            yield _item(aggregate_id, first, held, commit_id)
            first, held, size = first + len(held), [], 0
        held.append(one)
        size += len(one[1])
    yield _item(aggregate_id, first, held, commit_id)


def _item(aggregate_id, first, held, commit_id):
    return {
        "aggregate_id": {"S": aggregate_id},
        "version": {"N": str(first)},
        "n": {"N": str(len(held))},
        "commit_id": {"S": commit_id},
        "events": {"L": [{"L": [{"N": str(kind)}, {"B": body}]} for kind, body in held]},
    }


def _encoded(event):
    try:
        kind = TYPES.index(type(event))
        record = event.model_dump()
        fastavro.validate(record, SCHEMAS[kind], strict=True)
    except (ValueError, fastavro.validation.ValidationError) as error:
        raise InvalidEvent(f"{event!r}: {error}") from error
    body = io.BytesIO()
    fastavro.schemaless_writer(body, SCHEMAS[kind], record)
    return kind, body.getvalue()


def _decoded(version, packed):
    kind = int(packed[0]["N"])
    record = fastavro.schemaless_reader(io.BytesIO(packed[1]["B"]), SCHEMAS[kind], None)
    return TYPES[kind](**record | {"version": version})
