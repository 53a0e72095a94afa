"""An event store in memory; the table only says what should be there."""

import json
import uuid
from pathlib import Path

import boto3
import fastavro
from fastavro.schema import load_schema

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted
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


BATCHES = {}


def keep(name, batch):
    BATCHES[name] = batch


def kept(name):
    return BATCHES[name]


class EventStore:
    def __init__(self):
        self.client = boto3.client("dynamodb")

    def append_events(self, aggregate_id, expected_version, events):
        batch = [checked(event) for event in events]
        end = sum(count for _, count, _ in self.places(aggregate_id))
        if end != expected_version:
            raise ConcurrencyError(aggregate_id, expected_version, end)
        if not batch:
            return
        name = uuid.uuid4().hex
        keep(name, batch)
        place = {"aggregate_id": {"S": aggregate_id}, "version": {"N": str(expected_version + 1)}}
        content = {"count": {"N": str(len(batch))}, "file": {"S": name}}
        try:
            self.client.put_item(
                TableName="event-store",
                Item=place | content,
                ConditionExpression="attribute_not_exists(version)",
            )
        except Exception as error:
            mine = [one for _, _, one in self.places(aggregate_id)]
            if name in mine:
                return
            if "ConditionalCheckFailed" not in str(error):
                raise
            end = sum(count for _, count, _ in self.places(aggregate_id))
            raise ConcurrencyError(aggregate_id, expected_version, end) from None

    def places(self, aggregate_id):
        """First version, number of events and file of each batch."""
        pages = self.client.get_paginator("query").paginate(
            TableName="event-store",
            KeyConditionExpression="aggregate_id = :id",
            ExpressionAttributeValues={":id": {"S": aggregate_id}},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield int(item["version"]["N"]), int(item["count"]["N"]), item["file"]["S"]

    def get_events(self, aggregate_id, from_version=0):
        events, following = [], 1
        for first, _, name in self.places(aggregate_id):
            if first != following:
                raise StreamCorrupted(aggregate_id)
            for row in kept(name):
                events.append(made(row, following))
                following += 1
        return events[from_version:]
