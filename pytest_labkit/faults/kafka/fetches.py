"""The replies to Fetch: how many records of which partitions a broker has sent."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pytest_labkit.faults.kafka.frames import Copy

NEWEST = 12  # newer ones name a topic by its id alone
_FLEXIBLE_SINCE = 12

_BATCH = struct.Struct(">qiibihiqqqhii")  # the header of a record batch, up to the number of its records
_LENGTH_COUNTS_FROM = 12
_CONTROL = 0x20  # of the attributes: a marker of a transaction, not a record


class Fetched(NamedTuple):
    """So many *records* of a partition were sent."""

    topic: str
    partition: int
    records: int


class Replies:
    """Puts the replies to Fetch of one connection together, each from the parts that it comes in."""

    def __init__(self) -> None:
        self._reply = bytearray()
        self._version: int | None = None

    def feed(self, data: bytes, version: int | None) -> list[Fetched]:
        """
        What a reply said that ends with *data*; an empty list before its end.

        *version* is that of the Fetch whose reply *data* begins, `None` where it goes on or is another's.
        """
        if version is not None:
            self._version, self._reply = version, bytearray()
        if self._version is None:
            return []
        self._reply += data
        if len(self._reply) < 4 + struct.unpack_from(">i", self._reply)[0]:
            return []
        reply, version, self._version = bytes(self._reply), self._version, None
        return list(fetched(reply, version)) if version <= NEWEST else []


def fetched(reply: bytes, version: int) -> Iterator[Fetched]:
    """The records that *reply*, the answer to a Fetch of that *version*, brings; markers are none."""
    read = Copy(reply, flexible=version >= _FLEXIBLE_SINCE)
    _skip(read, 8)  # size, correlation id
    read.tags(write=False)
    _skip(read, (4 if version >= 1 else 0) + (6 if version >= 7 else 0))  # throttle time; error, session
    for _ in range(read.array(write=False)):
        topic = (read.text(write=False) or b"").decode()
        for _ in range(read.array(write=False)):
            yield _partition(read, topic, version)
        read.tags(write=False)


def _partition(read: Copy, topic: str, version: int) -> Fetched:
    (partition,) = struct.unpack(">i", read.take(4, write=False))
    _skip(read, 10)  # error, high watermark
    _skip(read, (8 if version >= 4 else 0) + (8 if version >= 5 else 0))  # last stable and log start offset
    if version >= 4:
        for _ in range(read.array(write=False)):
            _skip(read, 16)  # an aborted transaction
            read.tags(write=False)
    _skip(read, 4 if version >= 11 else 0)  # preferred replica
    records = sum(_counts(read.data()))
    read.tags(write=False)
    return Fetched(topic, partition, records)


def _counts(records: bytes) -> Iterator[int]:
    """How many records each whole batch of *records* has; a broker may cut off the last."""
    at = 0
    while at + _BATCH.size <= len(records):
        _, length, _, _, _, attributes, *_, count = _BATCH.unpack_from(records, at)
        at += _LENGTH_COUNTS_FROM + length
        if at <= len(records) and not attributes & _CONTROL:
            yield count


def _skip(read: Copy, size: int) -> None:
    read.take(size, write=False)
