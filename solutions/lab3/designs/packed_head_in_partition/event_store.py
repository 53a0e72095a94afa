"""A commit is one item; item 0 of a stream's partition is its head."""

import io
from pathlib import Path
from uuid import uuid4

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
        self._client = boto3.client("dynamodb")

    def append_events(self, aggregate_id, expected_version, events):
        packed = [_pack(event, version) for version, event in enumerate(events, expected_version + 1)]
        if not packed or expected_version < 0:  # no commit can stand where the head is
            actual = self._head(aggregate_id)
            if actual != expected_version:
                raise ConcurrencyError(aggregate_id, expected_version, actual)
            return
        commit_id = uuid4().hex
        last = expected_version + len(packed)
        move_head = {
            "TableName": TABLE,
            "Key": _key(aggregate_id, 0),
            "UpdateExpression": "SET head = :last",
            "ConditionExpression": "head = :expected" if expected_version else "attribute_not_exists(head)",
            "ExpressionAttributeValues": {":last": {"N": str(last)}},
        }
        if expected_version:
            move_head["ExpressionAttributeValues"][":expected"] = {"N": str(expected_version)}
        content = {"last": {"N": str(last)}, "commit_id": {"S": commit_id}, "events": {"L": packed}}
        commit = {"TableName": TABLE, "Item": _key(aggregate_id, expected_version + 1) | content}
        for attempts_left in reversed(range(5)):
            try:
                self._client.transact_write_items(TransactItems=[{"Update": move_head}, {"Put": commit}])
            except (ClientError, BotoCoreError) as error:
                if self._is_ours(aggregate_id, expected_version + 1, commit_id):
                    return
                reasons = _reasons(error)
                if "ConditionalCheckFailed" in reasons:
                    raise ConcurrencyError(aggregate_id, expected_version, self._head(aggregate_id)) from None
                if "TransactionConflict" in reasons and attempts_left:
                    continue
                raise
            else:
                return

    def get_events(self, aggregate_id, from_version=0):
        events, expected = [], None
        for item in self._commits(aggregate_id, from_version):
            first = int(item["version"]["N"])
            if first != (expected or first) or (expected is None and first > from_version + 1):
                raise StreamCorrupted(f"{aggregate_id}: events are missing before version {first}")
            events += [_unpack(packed) for packed in item["events"]["L"]]
            expected = int(item["last"]["N"]) + 1
        return [event for event in events if event.version > from_version]

    def _commits(self, aggregate_id, from_version):
        """The commits from the one that holds *from_version* + 1 on."""
        up_to = {":one": {"N": "1"}, ":v": {"N": str(from_version + 1)}}
        before = self._client.query(
            TableName=TABLE,
            KeyConditionExpression="aggregate_id = :a AND version BETWEEN :one AND :v",
            ExpressionAttributeValues={":a": {"S": aggregate_id}, **up_to},
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )["Items"]
        start = before[0]["version"]["N"] if before else "1"
        pages = self._client.get_paginator("query").paginate(
            TableName=TABLE,
            KeyConditionExpression="aggregate_id = :a AND version >= :v",
            ExpressionAttributeValues={":a": {"S": aggregate_id}, ":v": {"N": start}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def _head(self, aggregate_id):
        reply = self._client.get_item(TableName=TABLE, Key=_key(aggregate_id, 0), ConsistentRead=True)
        return int(reply["Item"]["head"]["N"]) if "Item" in reply else 0

    def _is_ours(self, aggregate_id, version, commit_id):
        key = _key(aggregate_id, version)
        item = self._client.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item")
        return item is not None and item.get("commit_id") == {"S": commit_id}


def _key(aggregate_id, version):
    return {"aggregate_id": {"S": aggregate_id}, "version": {"N": str(version)}}


def _reasons(error):
    response = getattr(error, "response", {})
    return [reason.get("Code") for reason in response.get("CancellationReasons", [])]


def _pack(event, version):
    name = type(event).__name__
    record = event.model_copy(update={"version": version}).model_dump()
    try:
        fastavro.validate(record, SCHEMAS[name], strict=True)
    except (KeyError, fastavro.validation.ValidationError) as error:
        raise InvalidEvent(f"{name}: {error}") from error
    body = io.BytesIO()
    fastavro.schemaless_writer(body, SCHEMAS[name], record)
    return {"M": {"t": {"S": name}, "b": {"B": body.getvalue()}}}


def _unpack(packed):
    name, body = packed["M"]["t"]["S"], packed["M"]["b"]["B"]
    return EVENT_TYPES[name](**fastavro.schemaless_reader(io.BytesIO(body), SCHEMAS[name], None))
