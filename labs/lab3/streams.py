"""
Given: two ways to hear of every change of the table `event-store`, and a way to read all of it.

    stream = DynamoDBStream()                            # or KafkaStream(): they are used alike
    items, position = stream.read()                      # from the start
    items, position = stream.read(position, wait_s=0.5)  # what came after it

A stream gives each item as it was put, in the form in which `boto3.client` gives items:
`{"aggregate_id": {"S": "order-123"}, …}`. `EventStore.events_in` says which events that makes. Items of one
stream of events come in the order in which they were put, items of different ones in any order. An item may
come twice. Items that were deleted are not told of. Leave this file as it is.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

TABLE = "event-store"
Item = dict[str, Any]

_POLL_S = 0.02
_LOOK_AGAIN_S = 10.0  # how long the list of shards is believed
_FINISHED = "finished"


class PositionLost(Exception):
    """What came after this position is not all there any more: a stream keeps changes for a time only."""


def whole_table() -> Iterator[list[Item]]:
    """
    Every item of the table as it is now, some at a time, in the form that a stream gives them in.

    The items of one stream of events come in the order of their versions. An item that is put meanwhile
    may be among them, or not.
    """
    client = boto3.client("dynamodb")
    for page in client.get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True):
        yield page["Items"]


class DynamoDBStream:
    """
    DynamoDB Streams of the table: its changes of the last 24 hours, from the database itself.

    Args:
        endpoint: Where DynamoDB is; where boto3's environment says if left out.
    """

    def __init__(self, endpoint: str | None = None) -> None:
        there = endpoint or os.environ.get("AWS_ENDPOINT_URL_DYNAMODB")
        streams = endpoint or os.environ.get("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", there)
        self._tables = boto3.client("dynamodb", endpoint_url=there)
        # A server other than Amazon's may number its changes 1, 2, 3: botocore takes no fewer than 21 digits.
        unchecked = Config(parameter_validation=False)
        self._streams = boto3.client("dynamodbstreams", endpoint_url=streams, config=unchecked)
        self._arn = ""
        self._shards: list[dict[str, Any]] = []
        self._looked = float("-inf")
        self._iterators: dict[str, tuple[str | None, str]] = {}  # shard -> after which number, iterator

    def read(
        self, position: str | None = None, *, wait_s: float = 0.0, limit: int = 1000
    ) -> tuple[list[Item], str]:
        """
        Items that were put after *position*, and the position after the last of them.

        Args:
            position: What an earlier call gave, in whichever process; `None` for the start of the stream.
            wait_s: How long to wait, in seconds, if there is nothing; it returns as soon as there is.
            limit: About how many items to give at most.

        Raises:
            PositionLost: The stream does not reach back that far, or it is another one.
        """
        until = time.monotonic() + wait_s
        while True:
            self._look()
            place = self._place(position)
            items = self._take(place, limit)
            position = json.dumps({"arn": self._arn, "read": place})
            if items or time.monotonic() >= until:
                return items, position
            time.sleep(_POLL_S)

    def end(self) -> str:
        """The position after all that there is now."""
        items, position = self.read()
        while items:
            items, position = self.read(position)
        return position

    def _look(self) -> None:
        """Find out which shards there are; a stream gets new ones, and loses old ones."""
        if time.monotonic() < self._looked + _LOOK_AGAIN_S:
            return
        self._arn = self._tables.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
        self._shards, more = [], {}
        while True:
            told = self._streams.describe_stream(StreamArn=self._arn, **more)["StreamDescription"]
            self._shards += told["Shards"]
            if "LastEvaluatedShardId" not in told:
                break
            more = {"ExclusiveStartShardId": told["LastEvaluatedShardId"]}
        self._looked = time.monotonic()

    def _place(self, position: str | None) -> dict[str, str]:
        """Shard -> the number of the last change that was read of it."""
        if position is None:
            return {}
        told = json.loads(position)
        if told["arn"] != self._arn:
            raise PositionLost(f"the stream is {self._arn}, the position is in {told['arn']}")
        there = {shard["ShardId"] for shard in self._shards}
        return {shard: number for shard, number in told["read"].items() if shard in there}

    def _take(self, place: dict[str, str], limit: int) -> list[Item]:
        """What comes next in each shard; *place* is moved on."""
        items: list[Item] = []
        there = {shard["ShardId"] for shard in self._shards}
        for shard in self._shards:
            name, parent = shard["ShardId"], shard.get("ParentShardId")
            waits = parent in there and place.get(parent) != _FINISHED  # the parent's changes come first
            if not waits and place.get(name) != _FINISHED and len(items) < limit:
                items += self._take_of(name, place, limit - len(items))
        return items

    def _take_of(self, shard: str, place: dict[str, str], limit: int) -> list[Item]:
        after = place.get(shard)
        try:
            reply = self._streams.get_records(
                ShardIterator=self._iterator(shard, after), Limit=min(limit, 1000)
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            self._iterators.pop(shard, None)
            if code == "ExpiredIteratorException":
                return []  # made anew by the next look
            if code in ("TrimmedDataAccessException", "ResourceNotFoundException"):
                raise PositionLost(str(error)) from error
            raise
        records = reply["Records"]
        if records:
            place[shard] = after = records[-1]["dynamodb"]["SequenceNumber"]
        if following := reply.get("NextShardIterator"):
            self._iterators[shard] = (after, following)
        else:
            place[shard] = _FINISHED
            self._looked = float("-inf")
        changes = [record["dynamodb"] for record in records if self._is_its_own(record["dynamodb"])]
        if records and not changes:
            return self._take_of(shard, place, limit)
        return [image for change in changes if (image := change.get("NewImage"))]

    def _is_its_own(self, change: dict[str, Any]) -> bool:
        """Whether it was made while this stream was there: dynoxide's begins with those of the one before."""
        if ":dynoxide:" not in self._arn:
            return True
        begun = int(float(self._arn.rpartition("/")[2]))
        return int(change["ApproximateCreationDateTime"].timestamp()) >= begun

    def _iterator(self, shard: str, after: str | None) -> str:
        known_after, iterator = self._iterators.get(shard, (None, ""))
        if iterator and known_after == after:
            return iterator
        where = {"ShardIteratorType": "TRIM_HORIZON"}
        if after is not None:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
        reply = self._streams.get_shard_iterator(StreamArn=self._arn, ShardId=shard, **where)
        found: str = reply["ShardIterator"]
        return found


class KafkaStream:
    """
    The topic in `KAFKA_TOPIC`, into which a connector carries the changes of the table.

    Each is a message with the stream's id as its key, so that those of one stream of events stay in order.
    """

    def __init__(self) -> None:
        self._topic = os.environ["KAFKA_TOPIC"]
        self._consumer = _consumer()
        self._at: dict[int, int] | None = None  # partition -> the offset that its next message has
        self._ended: set[int] = set()

    def read(
        self, position: str | None = None, *, wait_s: float = 0.0, limit: int = 1000
    ) -> tuple[list[Item], str]:
        """
        Items that were put after *position*, and the position after the last of them.

        Args and errors are those of `DynamoDBStream.read`.
        """
        place = self._start() if position is None else _offsets(position)
        if place != self._at:
            self._go_to(place)
        items: list[Item] = []
        until = time.monotonic() + wait_s
        while len(items) < limit:
            message = self._consumer.poll(0.0 if items else _POLL_S)
            if message is not None:
                items += self._taken(message, place)
            elif items or (len(self._ended) == len(place) and time.monotonic() >= until):
                break
        self._at = dict(place)
        return items, json.dumps(place)

    def end(self) -> str:
        """The position after all that there is now."""
        return json.dumps({partition: high for partition, (_, high) in self._bounds().items()})

    def _start(self) -> dict[int, int]:
        return {partition: low for partition, (low, _) in self._bounds().items()}

    def _bounds(self) -> dict[int, tuple[int, int]]:
        """Partition -> the offset of its first message, and the one that its next will have."""
        from confluent_kafka import TopicPartition

        partitions = self._consumer.list_topics(self._topic, timeout=30).topics[self._topic].partitions
        return {
            number: self._consumer.get_watermark_offsets(TopicPartition(self._topic, number), timeout=30)
            for number in sorted(partitions)
        }

    def _go_to(self, place: dict[int, int]) -> None:
        from confluent_kafka import TopicPartition

        self._ended.clear()
        self._consumer.assign([TopicPartition(self._topic, *where) for where in place.items()])

    def _taken(self, message: Any, place: dict[int, int]) -> list[Item]:
        from confluent_kafka import KafkaError, KafkaException

        error = message.error()
        if error is None:
            place[message.partition()] = message.offset() + 1
            return [from_json(message.value())]
        if error.code() == KafkaError._PARTITION_EOF:
            self._ended.add(message.partition())
            return []
        self._at = None
        self._consumer.close()  # its queue may hold the same error of other partitions
        self._consumer = _consumer()
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise PositionLost(str(error))
        raise KafkaException(error)


def _consumer() -> Any:
    from confluent_kafka import Consumer

    return Consumer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            "group.id": "lab3",  # never used: offsets are kept by who reads
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 20,
        }
    )


def _offsets(position: str) -> dict[int, int]:
    return {int(partition): offset for partition, offset in json.loads(position).items()}


def as_json(item: Item) -> bytes:
    """*item* as a message of the topic holds it: bytes in base64."""
    return json.dumps(item, default=lambda raw: base64.b64encode(bytes(raw)).decode()).encode()


def from_json(message: bytes) -> Item:
    """The inverse of `as_json`."""
    return {name: _value(typed) for name, typed in json.loads(message).items()}


def _value(typed: dict[str, Any]) -> dict[str, Any]:
    """A typed value of DynamoDB with its bytes as bytes."""
    kind, value = next(iter(typed.items()))
    if kind == "B":
        return {kind: base64.b64decode(value)}
    if kind == "BS":
        return {kind: [base64.b64decode(one) for one in value]}
    if kind == "L":
        return {kind: [_value(one) for one in value]}
    if kind == "M":
        return {kind: {name: _value(one) for name, one in value.items()}}
    return typed
