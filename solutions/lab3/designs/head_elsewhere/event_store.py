"""Commits in the stream's partition; the end of the stream in a head item of a partition of its own."""

import io
import json
from pathlib import Path
from uuid import uuid4

import boto3
import fastavro
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted
from labs.lab3.events import EVENT_TYPES

TABLE = "event-store"
MAGIC = b"\xc3\x01"


class Codec:
    """Avro single-object encoding: the marker, the schema's fingerprint, the datum."""

    def __init__(self, folder):
        self.by_name, self.by_fingerprint = {}, {}
        for name in EVENT_TYPES:
            raw = json.loads((folder / f"{name}.avsc").read_text())
            canonical = fastavro.schema.to_parsing_canonical_form(raw)
            print_ = bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))
            schema = fastavro.parse_schema(raw)
            self.by_name[name] = (print_, schema)
            self.by_fingerprint[print_] = (name, schema)

    def dump(self, event, version):
        name = type(event).__name__
        record = dict(event.model_dump(), version=version)
        if name not in self.by_name:
            raise InvalidEvent(f"{name} has no schema")
        print_, schema = self.by_name[name]
        try:
            fastavro.validate(record, schema, strict=True)
        except fastavro.validation.ValidationError as error:
            raise InvalidEvent(f"{name} {event.event_id}: {error}") from error
        out = io.BytesIO(MAGIC + print_)
        out.seek(0, io.SEEK_END)
        fastavro.schemaless_writer(out, schema, record)
        return out.getvalue()

    def load(self, data):
        name, schema = self.by_fingerprint[data[2:10]]
        return EVENT_TYPES[name](**fastavro.schemaless_reader(io.BytesIO(data[10:]), schema, None))


class EventStore:
    def __init__(self):
        # Retried here and not by botocore: this store knows how to tell its own write from another's.
        config = Config(retries={"max_attempts": 0}, max_pool_connections=32)
        self.client = boto3.client("dynamodb", config=config)
        self.codec = Codec(Path(__file__).with_name("schemas"))

    def append_events(self, aggregate_id, expected_version, events):
        commit_id = uuid4().hex
        blobs = [self.codec.dump(event, v) for v, event in enumerate(events, expected_version + 1)]
        if not blobs:
            return self.must_be_at(aggregate_id, expected_version)
        commit = {
            **key(aggregate_id, expected_version + 1),
            "count": {"N": str(len(blobs))},
            "commit": {"S": commit_id},
            "events": {"L": [{"B": blob} for blob in blobs]},
        }
        move_head = {"Update": self.move_head(aggregate_id, expected_version, len(blobs))}
        writes = [move_head, {"Put": {"TableName": TABLE, "Item": commit}}]
        failure = None
        for _ in range(6):
            try:
                self.client.transact_write_items(TransactItems=writes)
            except (ClientError, BotoCoreError) as error:
                failure = error
            else:
                return None
            item = self.get(key(aggregate_id, expected_version + 1))
            if item and item["commit"]["S"] == commit_id:
                return None
            self.must_be_at(aggregate_id, expected_version)
            if getattr(failure, "response", {}).get("Error", {}).get("Code") == "ValidationException":
                break
        raise failure

    def move_head(self, aggregate_id, expected_version, count):
        update = {
            "TableName": TABLE,
            "Key": head_key(aggregate_id),
            "UpdateExpression": "ADD #end :n",
            "ConditionExpression": "#end = :expected",
            "ExpressionAttributeNames": {"#end": "end"},
            "ExpressionAttributeValues": {":n": {"N": str(count)}, ":expected": {"N": str(expected_version)}},
        }
        if expected_version == 0:
            update["ConditionExpression"] = "attribute_not_exists(#end)"
            del update["ExpressionAttributeValues"][":expected"]
        return update

    def must_be_at(self, aggregate_id, version):
        head = self.get(head_key(aggregate_id))
        actual = int(head["end"]["N"]) if head else 0
        if actual != version:
            raise ConcurrencyError(aggregate_id, version, actual)

    def get_events(self, aggregate_id, from_version=0):
        found = []
        holding = next(self.commits(aggregate_id, 1, from_version + 1, backwards=True), None)
        due = int(holding["version"]["N"]) if holding else 1
        for item in self.commits(aggregate_id, due, 10**15):
            if int(item["version"]["N"]) != due:
                raise StreamCorrupted(f"{aggregate_id}: nothing is stored at version {due}")
            due += int(item["count"]["N"])
            found += [self.codec.load(blob["B"]) for blob in item["events"]["L"]]
        return [event for event in found if event.version > from_version]

    def commits(self, aggregate_id, first, last, backwards=False):
        """The commits that begin between *first* and *last*."""
        bounds = {":first": {"N": str(first)}, ":last": {"N": str(max(first, last))}}
        query = {
            "TableName": TABLE,
            "KeyConditionExpression": "aggregate_id = :a AND version BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":a": {"S": aggregate_id}, **bounds},
            "ScanIndexForward": not backwards,
            "ConsistentRead": True,
        }
        if backwards:
            query["Limit"] = 1
        while True:
            page = retried(self.client.query, **query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def get(self, at):
        return retried(self.client.get_item, TableName=TABLE, Key=at, ConsistentRead=True).get("Item")


def retried(read, **arguments):
    for _ in range(4):
        try:
            return read(**arguments)
        except BotoCoreError:
            continue
        except ClientError as error:
            status = error.response["ResponseMetadata"].get("HTTPStatusCode", 400)
            if status < 500 and "Throughput" not in str(error):
                raise
    return read(**arguments)


def key(aggregate_id, version):
    return {"aggregate_id": {"S": aggregate_id}, "version": {"N": str(version)}}


def head_key(aggregate_id):
    return key(f"head#{aggregate_id}", -1)
