"""An event store that keeps the streams at hand and the table as a backup."""

import io
import threading
from pathlib import Path

import boto3
import fastavro
from fastavro.schema import load_schema

from labs.lab3.errors import ConcurrencyError, InvalidEvent
from labs.lab3.events import EVENT_TYPES

SCHEMAS = {name: load_schema(Path(__file__).with_name("schemas") / f"{name}.avsc") for name in EVENT_TYPES}


class EventStore:
    streams = {}
    lock = threading.Lock()

    def __init__(self):
        self.table = boto3.resource("dynamodb").Table("event-store")

    def append_events(self, aggregate_id, expected_version, events):
        rows = [avro(event) for event in events]
        with self.lock:
            stream = self.streams.setdefault(aggregate_id, [])
            if len(stream) != expected_version:
                raise ConcurrencyError(aggregate_id, expected_version, len(stream))
            for version, (event, row) in enumerate(zip(events, rows), expected_version + 1):
                self.table.put_item(Item={"aggregate_id": aggregate_id, "version": version, "event": row})
                stream.append(event.model_copy(update={"version": version}))

    def get_events(self, aggregate_id, from_version=0):
        return self.streams.get(aggregate_id, [])[from_version:]


def avro(event):
    name = type(event).__name__
    record = event.model_dump()
    if name not in SCHEMAS or not fastavro.validate(record, SCHEMAS[name], raise_errors=False, strict=True):
        raise InvalidEvent(f"{record} is no {name}")
    out = io.BytesIO()
    fastavro.schemaless_writer(out, SCHEMAS[name], record)
    return out.getvalue()
