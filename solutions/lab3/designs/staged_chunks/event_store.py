"""Commits of any size: the events lie in the commit item if they fit, or in chunks that it names."""

import io
import uuid
from contextlib import suppress
from pathlib import Path

import boto3
import fastavro
from boto3.dynamodb.conditions import Key
from botocore.exceptions import BotoCoreError, ClientError
from fastavro.schema import load_schema

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted
from labs.lab3.events import EVENT_TYPES

ITEM_LIMIT = 350_000


class EventStore:
    def __init__(self):
        self._table = boto3.resource("dynamodb").Table("event-store")
        folder = Path(__file__).with_name("schemas")
        self._schemas = {name: load_schema(folder / f"{name}.avsc") for name in EVENT_TYPES}

    def append_events(self, aggregate_id, expected_version, events):
        blobs = [self._serialize(event) for event in events]
        self._check_version(aggregate_id, expected_version)
        if not blobs:
            return
        batch = uuid.uuid4().hex
        chunks = list(_chunked(blobs))
        marker = {
            "aggregate_id": aggregate_id,
            "version": expected_version + 1,
            "last": expected_version + len(blobs),
            "batch": batch,
        }
        if len(chunks) == 1:
            self._commit({**marker, "events": chunks[0]})
            return
        try:
            for number, chunk in enumerate(chunks):
                staged = {"aggregate_id": _staging(batch), "version": number, "events": chunk}
                self._table.put_item(Item=staged)
            self._commit({**marker, "chunks": len(chunks)})
        except (ConcurrencyError, ClientError):  # for certain not committed: tidy up
            self._discard(batch, len(chunks))
            raise

    def get_events(self, aggregate_id, from_version=0):
        events = []
        holding = self._newest(aggregate_id, from_version + 1)
        due = int(holding["version"]) if holding else 1
        for item in self._partition(aggregate_id, due):
            if item["version"] != due:
                raise StreamCorrupted(f"{aggregate_id}: version {due} is not there")
            due = int(item["last"]) + 1
            if item["last"] > from_version:
                stored = list(self._stored(item))
                if len(stored) != item["last"] - item["version"] + 1:
                    raise StreamCorrupted(f"{aggregate_id}: a part of commit {item['version']} is not there")
                events += [
                    self._deserialize(blob, version)
                    for version, blob in enumerate(stored, int(item["version"]))
                    if version > from_version
                ]
        return events

    def _commit(self, marker):
        key = {name: marker[name] for name in ("aggregate_id", "version")}
        try:
            self._table.put_item(Item=marker, ConditionExpression="attribute_not_exists(aggregate_id)")
        except (ClientError, BotoCoreError):
            winner = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
            if winner is None:
                raise
            if winner["batch"] != marker["batch"]:
                self._check_version(marker["aggregate_id"], marker["version"] - 1)
                raise

    def _check_version(self, aggregate_id, expected_version):
        newest = self._newest(aggregate_id, 10**15)
        actual = int(newest["last"]) if newest else 0
        if actual != expected_version:
            raise ConcurrencyError(aggregate_id, expected_version, actual)

    def _discard(self, batch, count):
        for number in range(count):
            with suppress(ClientError, BotoCoreError):
                self._table.delete_item(Key={"aggregate_id": _staging(batch), "version": number})

    def _stored(self, item):
        yield from item.get("events", ())
        if "chunks" in item:
            for chunk in self._partition(_staging(item["batch"])):
                yield from chunk["events"]

    def _newest(self, key, up_to):
        """The marker of the last batch that begins at *up_to* or before."""
        condition = Key("aggregate_id").eq(key) & Key("version").lte(up_to)
        query = {"KeyConditionExpression": condition, "ScanIndexForward": False, "Limit": 1}
        return next(self._pages(query), None)

    def _partition(self, key, start=0):
        condition = Key("aggregate_id").eq(key) & Key("version").gte(start)
        return self._pages({"KeyConditionExpression": condition})

    def _pages(self, query):
        while True:
            page = self._table.query(ConsistentRead=True, **query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _serialize(self, event):
        name = type(event).__name__
        record = event.model_dump()
        schema = self._schemas.get(name)
        if schema is None or not fastavro.validate(record, schema, strict=True, raise_errors=False):
            raise InvalidEvent(f"{event!r} does not fit the schema of {name}")
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, record)
        return {"type": name, "avro": out.getvalue()}

    def _deserialize(self, stored, version):
        name = stored["type"]
        record = fastavro.schemaless_reader(io.BytesIO(stored["avro"].value), self._schemas[name], None)
        return EVENT_TYPES[name](**{**record, "version": version})


def _staging(batch):
    return f"chunks#{batch}"


def _chunked(blobs):
    chunk, size = [], 0
    for blob in blobs:
        cost = len(blob["avro"]) + 64
        if chunk and size + cost > ITEM_LIMIT:
            yield chunk
            chunk, size = [], 0
        chunk.append(blob)
        size += cost
    yield chunk
