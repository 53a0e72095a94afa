"""
The model answer to lab 3: an event store on DynamoDB.

An append is one *commit*: one item that holds the whole batch, under the version of its first event.

    aggregate_id  version
    order-123     1        commit_id, count=3, events=<Avro>     versions 1, 2, 3
    order-123     4        commit_id, count=1, events=<Avro>     version 4
    order-123     -3       state=<JSON>, checksum=…              the snapshot at version 3
    order-123     -10¹⁸-…  state=<JSON>, checksum=…              the same, found by its instant

One item is one write, so a batch is there or it is not, and 100 events cost one request. Two writers
at the same version want the same key, and the condition lets one of them have it. That alone does
not stop a writer who is *not* at the end of a commit: from inside a batch, or from beyond the end,
the key it wants is free. So an append first makes sure that a commit ends where the caller stands.
Commits never change, so what was seen once stays true, and a writer at the end of its own last
commit need not look again.

As good: one item per event in `TransactWriteItems` (no more than 100 events, and some ten times
slower), or a head item with the current version that each append moves in the same transaction.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import fastavro
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from fastavro.schema import load_schema
from fastavro.validation import ValidationError

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted
from labs.lab3.events import EVENT_TYPES, Event
from labs.lab3.upcasting import upcast

TABLE = "event-store"
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
REFUSED = "ConditionalCheckFailedException"
LARGEST_BATCH = 390_000  # bytes: an item may have 400 KB, its keys and names included
A_FEW = 10  # commits: what a question begins with that has a snapshot to go on from
MOST_VERSIONS, AGES = 10**15, 10**18  # the keys of snapshots: -version, and -(AGES + microseconds)
MANY_STREAMS = 10_000  # how many streams' ends are remembered; a forgotten one costs a read

SCHEMAS = {name: load_schema(Path(__file__).with_name("schemas") / f"{name}.avsc") for name in EVENT_TYPES}
TAGS = {"OrderCreated": b"C", "ItemAdded": b"A", "OrderConfirmed": b"F"}  # stored, so they stay
NAMES = {tag: name for name, tag in TAGS.items()}


def types_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The Avro type of each field of *schema*."""
    return {field["name"]: field["type"] for field in schema["fields"]}


def columns_of(schema: dict[str, Any]) -> Any:
    """The schema of many events of one class: an array for each field. The key says the versions."""
    types = types_of(schema)
    types |= {"occurred_at": "long"}  # microseconds, which Avro would make of it too, but more slowly
    del types["version"]
    fields = [{"name": name, "type": {"type": "array", "items": of}} for name, of in types.items()]
    return fastavro.parse_schema({"type": "record", "name": schema["name"], "fields": fields})


# A batch is runs of events of one class, each behind a byte that says which. A run is stored by columns, as
# Parquet does it: the writer then meets 100 values of one type at a time, and takes a third of the time that
# an array of 100 records takes it. That array, or one of a union of the classes, is as right.
COLUMNS = {name: columns_of(schema) for name, schema in SCHEMAS.items()}
TYPES = {name: types_of(schema) for name, schema in SCHEMAS.items()}
VALUES = {name: itemgetter(*types) for name, types in TYPES.items()}
FITTING: set[tuple[Any, ...]] = set()  # class, field and a type of its values that fits the schema


class BatchTooLarge(ValueError):
    """The batch does not fit into one item; nothing was written."""


class EventStore:
    """Streams of events in the table `event-store`, wherever boto3's environment says that it is."""

    def __init__(self) -> None:
        # One client for all calls and threads: its connections stay open. The rest of the settings
        # leaves out work that boto3 does for each call and that this store has no use for: a quarter
        # of the time of a small request.
        config = Config(
            max_pool_connections=50,
            parameter_validation=False,
            user_agent="lab3",
            account_id_endpoint_mode="disabled",
            retries={"mode": "standard"},
        )
        self._client = boto3.client("dynamodb", config=config)
        self._ends: dict[str, int] = {}  # stream -> a version that a commit is known to end at

    def append_events(self, aggregate_id: str, expected_version: int, events: list[Event]) -> None:
        """Store *events* as versions *expected_version* + 1 and on: all of them, or an error and none."""
        batch = encoded(events)
        if not (events and self._is_known_end(aggregate_id, expected_version)):
            end = self._end(aggregate_id)
            if end != expected_version:
                raise ConcurrencyError(aggregate_id, expected_version, end)
        if events:
            self._commit(aggregate_id, expected_version, batch, len(events))
            self._remember(aggregate_id, expected_version + len(events))

    def get_events(self, aggregate_id: str, from_version: int = 0) -> list[Event]:
        """The events after *from_version*, in version order; `StreamCorrupted` if one is missing."""
        return self._read(aggregate_id, from_version)

    def events_in(self, item: dict[str, Any]) -> list[Event]:
        """The events of *item*, which is in the form in which boto3's client gives items."""
        version = int(item["version"]["N"])
        if "schema_version" in item:  # the old service's: one event, and it stays as it is
            kind, payload = item["event_type"]["S"], bytes(item["payload"]["B"])
            event = upcast(kind, int(item["schema_version"]["N"]), payload)
            return [event.model_copy(update={"version": version})]
        return decoded(item["events"]["B"], version) if "commit_id" in item else []

    def get_events_until(
        self,
        aggregate_id: str,
        timestamp: datetime,
        from_version: int = 0,
        late_by: timedelta | None = None,
    ) -> list[Event]:
        """
        The events that had happened at *timestamp*, that instant included, in version order.

        A later version may have an earlier time, so all of the stream is looked at; with *late_by*, as
        far as an event that is later than *timestamp* by more than that.
        """
        if timestamp.tzinfo is None:
            raise ValueError(f"{timestamp} has no time zone, so it is no instant")

        def is_enough(page: list[Event]) -> bool:
            return late_by is not None and any(event.occurred_at - timestamp > late_by for event in page)

        events = self._read(aggregate_id, from_version, None if late_by is None else A_FEW, is_enough)
        return [event for event in events if event.occurred_at <= timestamp]

    def save_snapshot(
        self, aggregate_id: str, version: int, state: dict[str, Any], latest: datetime | None = None
    ) -> None:
        """
        Keep *state*, which is JSON-able, as what the first *version* events come to.

        With *latest*, the time of the latest of them, `get_snapshot_at` finds it, too.
        """
        places = [-version] if latest is None else [-version, instant_key(latest)]
        items = [{**key(aggregate_id, place), **snapshot(version, state)} for place in places]
        puts = [{"Put": {"TableName": TABLE, "Item": item}} for item in items]
        self._client.transact_write_items(TransactItems=puts)

    def get_snapshot(
        self, aggregate_id: str, max_version: int | None = None
    ) -> tuple[int, dict[str, Any]] | None:
        """The newest snapshot, not newer than *max_version*, as version and state; `None` without one."""
        newest = MOST_VERSIONS if max_version is None else min(max_version, MOST_VERSIONS)
        return self._snapshot(aggregate_id, -newest, 0) if newest >= 0 else None

    def get_snapshot_at(self, aggregate_id: str, timestamp: datetime) -> tuple[int, dict[str, Any]] | None:
        """The newest snapshot in which nothing is later than *timestamp*."""
        return self._snapshot(aggregate_id, instant_key(timestamp), -MOST_VERSIONS)

    def _snapshot(self, aggregate_id: str, low: int, high: int) -> tuple[int, dict[str, Any]] | None:
        """The first snapshot between two places that is whole."""
        bounds = {":low": low, ":high": high}
        pages = self._query(aggregate_id, "version BETWEEN :low AND :high", bounds, 1)
        snapshots = (restored(item) for page in pages for item in page)
        return next((whole for whole in snapshots if whole), None)

    def _read(
        self,
        aggregate_id: str,
        from_version: int,
        at_first: int | None = None,
        is_enough: Callable[[list[Event]], bool] = lambda _: False,
    ) -> list[Event]:
        """The events after *from_version*, up to a page of which *is_enough* says so."""
        events: list[Event] = []
        following = max(from_version, 0) + 1
        for page in self._pages(aggregate_id, following, at_first):
            read = len(events)
            for found in map(self.events_in, page):
                if not found[0].version <= following <= found[-1].version:
                    raise StreamCorrupted(f"{aggregate_id} has no version {following}, but later ones")
                events += found
                following = found[-1].version + 1
            if is_enough(events[read:]):
                break
        return [event for event in events if event.version > from_version]

    def _pages(self, aggregate_id: str, version: int, at_first: int | None) -> Iterator[list[dict[str, Any]]]:
        """The commits from the one on that *version* is in; *at_first* so many, then ever more."""
        pages = self._query(aggregate_id, ":low <= version", {":low": version}, at_first)
        first = next(pages, [])
        if version > 1 and not (first and int(first[0]["version"]["N"]) == version):
            yield [commit for commit in self._last(aggregate_id, version) if last_version(commit) >= version]
        yield first
        yield from pages

    def _commit(self, aggregate_id: str, expected_version: int, batch: bytes, count: int) -> None:
        """Put the commit behind *expected_version*, where there must be none yet."""
        place, commit_id = key(aggregate_id, expected_version + 1), str(uuid4())
        content = {"commit_id": {"S": commit_id}, "count": {"N": str(count)}, "events": {"B": batch}}
        try:
            self._client.put_item(
                TableName=TABLE, Item=place | content, ConditionExpression="attribute_not_exists(version)"
            )
        except (BotoCoreError, ClientError) as error:
            # The reply may be what was lost, not the write; then boto3's own retry meets our commit.
            if self._commit_id(place) == commit_id:
                return
            if not is_refusal(error):
                raise  # throttled, out of reach …: no conflict, the caller may try again
            raise ConcurrencyError(aggregate_id, expected_version, self._end(aggregate_id)) from None

    def _commit_id(self, place: dict[str, Any]) -> str | None:
        reply = self._client.get_item(
            TableName=TABLE, Key=place, ConsistentRead=True, ProjectionExpression="commit_id"
        )
        return reply.get("Item", {}).get("commit_id", {}).get("S")

    def _is_known_end(self, aggregate_id: str, version: int) -> bool:
        return version == self._ends.get(aggregate_id, 0)

    def _remember(self, aggregate_id: str, end: int) -> None:
        if len(self._ends) >= MANY_STREAMS:
            self._ends.clear()
        self._ends[aggregate_id] = end

    def _end(self, aggregate_id: str) -> int:
        """The version of the last event, 0 for a new stream."""
        places = {"ProjectionExpression": "version, #count", "ExpressionAttributeNames": {"#count": "count"}}
        return max(map(last_version, self._last(aggregate_id, MOST_VERSIONS, **places)), default=0)

    def _last(self, aggregate_id: str, version: int, **options: Any) -> list[dict[str, Any]]:
        """The last commit that begins at *version* or before; none if there is none."""
        bounds = {":low": 1, ":high": version}
        pages = self._query(
            aggregate_id, "version BETWEEN :low AND :high", bounds, 1, ScanIndexForward=False, **options
        )
        return next(pages, [])

    def _query(
        self,
        aggregate_id: str,
        condition: str,
        bounds: dict[str, int],
        at_first: int | None = None,
        **options: Any,
    ) -> Iterator[list[dict[str, Any]]]:
        """
        Pages of the items of a stream whose version meets *condition*, as many as it takes.

        They have what DynamoDB gives at a time, or *at_first* so many and then ever more: whoever needs
        a few reads a few, and whoever needs all does not wait for a thousand replies.
        """
        query = {
            "TableName": TABLE,
            "KeyConditionExpression": f"aggregate_id = :id AND {condition}",
            "ExpressionAttributeValues": {
                ":id": {"S": aggregate_id},
                **{name: {"N": str(bound)} for name, bound in bounds.items()},
            },
            "ConsistentRead": True,
            **options,
        }
        while True:
            limit = {} if at_first is None else {"Limit": at_first}
            page = self._client.query(**query, **limit)
            if page["Items"]:
                yield page["Items"]
            if "LastEvaluatedKey" not in page:  # an empty page need not be the last
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
            at_first = at_first and at_first * 4


def is_refusal(error: Exception) -> bool:
    """Whether the condition of a write was not met."""
    # By its code: botocore makes `client.exceptions` on first use, and two threads that are the first
    # at the same moment get different classes of one name.
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == REFUSED


def key(aggregate_id: str, version: int) -> dict[str, Any]:
    """The primary key of an item, as DynamoDB wants it."""
    return {"aggregate_id": {"S": aggregate_id}, "version": {"N": str(version)}}


def encoded(events: list[Event]) -> bytes:
    """*events* in Avro; `InvalidEvent` if one does not fit its schema."""
    file = io.BytesIO()
    try:
        for kind, run in groupby(events, type):
            columns = checked(kind, [vars(event) for event in run])
            columns["occurred_at"] = [(instant - EPOCH) // MICROSECOND for instant in columns["occurred_at"]]
            file.write(TAGS[kind.__name__])
            fastavro.schemaless_writer(file, COLUMNS[kind.__name__], columns)
    except (ValidationError, LookupError, ValueError, TypeError, OverflowError) as error:
        raise InvalidEvent(str(error)) from error
    if len(file.getvalue()) > LARGEST_BATCH:
        raise BatchTooLarge(f"{len(events)} events have {len(file.getvalue())} bytes; append fewer at a time")
    return file.getvalue()


def checked(kind: type[Event], records: list[dict[str, Any]]) -> dict[str, Sequence[Any]]:
    """The columns of *records*; `InvalidEvent`, or what `encoded` makes it of, if a type does not fit."""
    # The writer refuses what it cannot write, a number beyond 64 bits too, but it would store 2.5 as 2
    # and True as 1. So types are validated, though not twice for the same type: that would cost more
    # than all the rest. `fastavro.validate` on each event is as right.
    if EVENT_TYPES.get(kind.__name__) is not kind:
        raise InvalidEvent(f"there is no schema for {kind.__name__}")
    types, values = TYPES[kind.__name__], VALUES[kind.__name__]
    if set(map(len, records)) != {len(types)}:
        raise InvalidEvent(f"{kind.__name__} has other fields than its schema")
    columns = dict(zip(types, zip(*map(values, records), strict=True), strict=True))
    for name, column in columns.items():
        for found in set(map(type, column)):
            if (kind, name, found) not in FITTING:
                fastavro.validate(next(value for value in column if type(value) is found), types[name])
                FITTING.add((kind, name, found))
    return columns


def decoded(batch: bytes, first_version: int) -> list[Event]:
    """The events of a batch, numbered from *first_version*."""
    file, events = io.BytesIO(batch), []
    while tag := file.read(1):
        columns = fastavro.schemaless_reader(file, COLUMNS[NAMES[tag]], None)
        columns["occurred_at"] = [EPOCH + instant * MICROSECOND for instant in columns["occurred_at"]]
        for values in zip(*columns.values(), strict=True):
            fields = dict(zip(columns, values, strict=True))
            events.append(EVENT_TYPES[NAMES[tag]](**fields, version=first_version + len(events)))
    return events


def last_version(item: dict[str, Any]) -> int:
    """The version of the last event in an item with events; the old service had one in each."""
    return int(item["version"]["N"]) + int(item.get("count", {"N": "1"})["N"]) - 1


# --- snapshots -----------------------------------------------------------------------------------------


def instant_key(instant: datetime) -> int:
    """Where the snapshot of an instant lies: later ones first, and further down than those by version."""
    return -(AGES + (instant - EPOCH) // MICROSECOND)


def snapshot(version: int, state: dict[str, Any]) -> dict[str, Any]:
    """What an item with a snapshot holds beside its key."""
    text = json.dumps(state)
    return {"of": {"N": str(version)}, "state": {"S": text}, "checksum": {"S": checksum(version, text)}}


def restored(item: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
    """The version and state of a snapshot; `None` if it is damaged, which is as good as none."""
    try:
        version, text = int(item["of"]["N"]), item["state"]["S"]
        if item["checksum"]["S"] == checksum(version, text):
            return version, json.loads(text)
    except (KeyError, TypeError, ValueError):
        pass
    return None


def checksum(version: int, text: str) -> str:
    """What a snapshot that nothing has happened to says of itself."""
    return hashlib.sha256(f"{version} {text}".encode()).hexdigest()
