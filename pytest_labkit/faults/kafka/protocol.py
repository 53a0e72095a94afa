"""
Kafka's protocol as far as a proxy has to know it: who is told where the brokers are, and what a reply is to.

A client asks any broker for the addresses of all, and then goes to those. A proxy that is to stay in between
puts its own ports in their place, in the replies to Metadata and to FindCoordinator. Newer versions of other
replies name addresses too: the proxy says, in the reply to ApiVersions, that the broker knows only versions
that do not, and that it has no optional features, which may need such versions.

Layouts: https://kafka.apache.org/protocol. All numbers are big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from pytest_labkit.faults.kafka import fetches
from pytest_labkit.faults.kafka.fetches import Fetched
from pytest_labkit.faults.kafka.frames import Copy, Elsewhere, Frames, Part
from pytest_labkit.faults.tcp.flow import RESET, Item

PRODUCE, FETCH, METADATA, FIND_COORDINATOR, API_VERSIONS = 0, 1, 3, 10, 18
DESCRIBE_CLUSTER, SHARE_FETCH, SHARE_ACKNOWLEDGE = 60, 78, 79

APIS = {"Produce": PRODUCE, "Fetch": FETCH, "FindCoordinator": FIND_COORDINATOR, "OffsetCommit": 8}
APIS |= {"JoinGroup": 11, "InitProducerId": 22, "AddPartitionsToTxn": 24, "EndTxn": 26, "TxnOffsetCommit": 28}
"""The requests whose reply can be lost, by name."""

# Produce 10 names the new leader's address (KIP-951), as do the newest of Fetch; the others name brokers in
# all versions.
_NEWEST = {PRODUCE: 9, FETCH: fetches.NEWEST, METADATA: 13, FIND_COORDINATOR: 6, API_VERSIONS: 4}
_HIDDEN = {DESCRIBE_CLUSTER, SHARE_FETCH, SHARE_ACKNOWLEDGE}
_FLEXIBLE_SINCE = {METADATA: 9, FIND_COORDINATOR: 3, API_VERSIONS: 3, PRODUCE: 9}

_REWRITTEN = {METADATA, FIND_COORDINATOR, API_VERSIONS}
_UNSUPPORTED_VERSION = 35
_HEAD = 1024  # of a request: more than its header and a Produce's transactional id take


class Asked(NamedTuple):
    """A request that waits for its reply."""

    api: int
    version: int


class Produced(NamedTuple):
    """A Produce request: what it asked for, and its size in bytes."""

    acks: int
    size: int


class KafkaTranslator:
    """
    The bytes of one client's connection to one broker.

    *elsewhere* says where the client is to go in place of a broker; *loses* whether the reply to an API is
    to be lost; *produced* is told of each Produce request, *fetched* of what the reply to a Fetch brings.
    """

    def __init__(
        self,
        elsewhere: Elsewhere,
        loses: Callable[[int], bool] = lambda _api: False,
        produced: Callable[[Produced], None] = lambda _produced: None,
        fetched: Callable[[Fetched], None] = lambda _fetched: None,
    ) -> None:
        self._elsewhere = elsewhere
        self._loses = loses
        self._produced = produced
        self._fetched = fetched
        self._fetches = fetches.Replies()
        self._asked: dict[int, Asked] = {}
        self._to_server = Frames(_HEAD, self._note)
        self._to_client = Frames(8, self._is_whole_needed)

    def upstream(self, data: bytes) -> list[Item]:
        """*data* as it is: requests are only looked at."""
        self._to_server.feed(data)
        return [data]

    def downstream(self, data: bytes) -> list[Item]:
        """*data* with the proxy's ports in the place of brokers'; bytes of a frame may wait for its rest."""
        out: list[Item] = []
        for part in self._to_client.feed(data):
            asked = self._asked.pop(_correlation(part), None) if part.starts else None
            if asked is not None and self._loses(asked.api):
                return [*_joined(out), RESET]
            self._count(part, asked)
            if asked is not None and asked.api in _REWRITTEN:
                out.append(rewritten(asked, part.data, self._elsewhere))
            else:
                out.append(part.data)
        return _joined(out)

    def _count(self, part: Part, asked: Asked | None) -> None:
        """Tell of the records that a reply has brought once *part*, its last, is there."""
        for fetched in self._fetches.feed(part.data, _version_of_fetch(asked)):
            self._fetched(fetched)

    def _note(self, head: bytes, size: int) -> bool:
        api, version, correlation = struct.unpack_from(">hhi", head, 4)
        if api == PRODUCE:
            acks = _acks(head, version)
            self._produced(Produced(acks, size))
            if acks == 0:
                return False  # there will be no reply
        self._asked[correlation] = Asked(api, version)
        return False

    def _is_whole_needed(self, head: bytes, _size: int) -> bool:
        asked = self._asked.get(struct.unpack_from(">i", head, 4)[0])
        return asked is not None and asked.api in _REWRITTEN


def _correlation(part: Part) -> int:
    return int(struct.unpack_from(">i", part.data, 4)[0])


def _version_of_fetch(asked: Asked | None) -> int | None:
    return asked.version if asked is not None and asked.api == FETCH else None


def _joined(items: list[Item]) -> list[Item]:
    """Bytes that go on at the same time in one piece."""
    return [b"".join(item for item in items if item)] if items else []


def rewritten(asked: Asked, frame: bytes, elsewhere: Elsewhere) -> bytes:
    """The reply *frame* to a request of `_REWRITTEN`, with other addresses or versions in it."""
    copy = Copy(frame, flexible=asked.version >= _FLEXIBLE_SINCE.get(asked.api, 1 << 15))
    copy.take(4)  # the size, which `done` writes anew
    copy.take(4)  # the correlation id
    if asked.api == API_VERSIONS:  # its header never has tags: it is read before the version is known
        _api_versions(copy, asked.version)
    else:
        copy.tags()
        _LAYOUTS[asked.api](copy, asked.version, elsewhere)
        copy.rest()
    return copy.done()


def _metadata(copy: Copy, version: int, elsewhere: Elsewhere) -> None:
    if version >= 3:
        copy.take(4)  # throttle time
    for _ in range(copy.array()):
        copy.take(4)  # node id
        copy.address(elsewhere)
        if version >= 1:
            copy.text()  # rack
        copy.tags()


def _find_coordinator(copy: Copy, version: int, elsewhere: Elsewhere) -> None:
    if version >= 1:
        copy.take(4)  # throttle time
    if version >= 4:
        for _ in range(copy.array()):
            copy.text()  # group or transactional id
            copy.take(4)  # node id
            copy.address(elsewhere)
            copy.take(2)  # error
            copy.text()  # its message
            copy.tags()
        return
    copy.take(2)  # error
    if version >= 1:
        copy.text()  # its message
    copy.take(4)  # node id
    copy.address(elsewhere)


_LAYOUTS = {METADATA: _metadata, FIND_COORDINATOR: _find_coordinator}


def _api_versions(copy: Copy, version: int) -> None:
    (error,) = struct.unpack(">h", copy.take(2))
    if error == _UNSUPPORTED_VERSION:  # answered as if version 0 had been asked for
        copy.flexible, version = False, 0
    apis = []
    for _ in range(copy.array(write=False)):
        api, oldest, newest = struct.unpack(">hhh", copy.take(6, write=False))
        copy.tags(write=False)
        if api not in _HIDDEN:
            apis.append((api, oldest, min(newest, _NEWEST.get(api, newest))))
    copy.write_array(len(apis))
    for known in apis:
        copy.write(struct.pack(">hhh", *known))
        copy.write_no_tags()
    if version >= 1:
        copy.take(4)  # throttle time
    copy.write_no_tags()  # features: none


def _acks(head: bytes, version: int) -> int:
    """The `acks` of a Produce request that begins with *head*."""
    read = Copy(head, flexible=False)
    read.take(12)  # size, API, version, correlation id
    read.text()  # client id, which is never compact
    read.flexible = version >= _FLEXIBLE_SINCE[PRODUCE]
    read.tags()
    if version >= 3:
        read.text()  # transactional id
    return int(struct.unpack(">h", read.take(2))[0])
