"""What a link to Kafka changes in replies, byte by byte, and that nothing else is changed or held up."""

from __future__ import annotations

import struct

import pytest

from pytest_labkit.faults.kafka.fetches import Fetched
from pytest_labkit.faults.kafka.frames import NotKafka
from pytest_labkit.faults.kafka.protocol import (
    API_VERSIONS,
    FETCH,
    FIND_COORDINATOR,
    METADATA,
    PRODUCE,
    Asked,
    KafkaTranslator,
    Produced,
    rewritten,
)
from pytest_labkit.faults.tcp.flow import RESET

ELSEWHERE = ("127.0.0.1", 7)
CORRELATION = 99


def text(value: str | None, *, compact: bool) -> bytes:
    """A string as it is sent: its length, and one more if *compact*."""
    if value is None:
        return b"\0" if compact else b"\xff\xff"
    size = bytes([len(value) + 1]) if compact else struct.pack(">h", len(value))
    return size + value.encode()


def frame(*parts: bytes) -> bytes:
    """*parts* with their length before them."""
    body = b"".join(parts)
    return struct.pack(">i", len(body)) + body


def metadata(host: str, port: int, version: int) -> bytes:
    """A reply to Metadata that names one broker."""
    compact = version >= 9
    return frame(
        struct.pack(">i", CORRELATION),
        b"\0" if compact else b"",  # tags of the header
        struct.pack(">i", 0) if version >= 3 else b"",  # throttle time
        b"\2" if compact else struct.pack(">i", 1),  # brokers
        struct.pack(">i", 2),
        text(host, compact=compact),
        struct.pack(">i", port),
        text(None, compact=compact) if version >= 1 else b"",  # rack
        b"\1\5\2xy" if compact else b"",  # one tag, number 5, of two bytes
        b"whatever comes then",
    )


@pytest.mark.parametrize("version", range(14))
def test_metadata_names_the_link(version: int) -> None:
    """In every version, with the rest as it was."""
    asked = Asked(METADATA, version)
    theirs = metadata("kafka.example", 9092, version)
    assert metadata(*ELSEWHERE, version) == rewritten(asked, theirs, lambda _: ELSEWHERE)


def coordinator(host: str, port: int, version: int) -> bytes:
    """A reply to FindCoordinator that names one."""
    compact = version >= 3
    place = struct.pack(">i", 2) + text(host, compact=compact) + struct.pack(">i", port)
    error = struct.pack(">h", 0) + (text("oh", compact=compact) if version >= 1 else b"")
    tags = b"\0" if compact else b""
    throttle = struct.pack(">i", 0) if version >= 1 else b""
    many = b"\2" + text("group", compact=True) + place + error + tags  # an array of one
    answer = many if version >= 4 else error + place
    return frame(struct.pack(">i", CORRELATION), tags, throttle, answer, tags)


@pytest.mark.parametrize("version", range(7))
def test_a_coordinator_is_behind_the_link(version: int) -> None:
    """In every version."""
    asked = Asked(FIND_COORDINATOR, version)
    theirs = coordinator("kafka.example", 9092, version)
    assert coordinator(*ELSEWHERE, version) == rewritten(asked, theirs, lambda _: ELSEWHERE)


def test_no_coordinator_stays_none() -> None:
    """An error names an empty host and port -1: no link leads there."""
    theirs = coordinator("", -1, 4)
    assert theirs == rewritten(Asked(FIND_COORDINATOR, 4), theirs, lambda _: ELSEWHERE)


def versions(apis: dict[int, int], version: int, *, error: int = 0, features: bytes = b"\0") -> bytes:
    """A reply to ApiVersions; its header has no tags in any version."""
    compact = version >= 3 and error != 35
    tags = b"\0" if compact else b""
    listed = b"".join(struct.pack(">hhh", api, 0, newest) + tags for api, newest in apis.items())
    size = bytes([len(apis) + 1]) if compact else struct.pack(">i", len(apis))
    throttle = struct.pack(">i", 0) if version >= 1 and error != 35 else b""
    return frame(struct.pack(">ih", CORRELATION, error), size, listed, throttle, features if compact else b"")


@pytest.mark.parametrize("version", range(5))
def test_newer_versions_than_are_known_are_not_told_of(version: int) -> None:
    """Nor what names brokers in a way that is not rewritten, nor features that may need such versions."""
    theirs = versions({PRODUCE: 13, FETCH: 12, METADATA: 99, 60: 2, 11: 9}, version, features=b"\1\0\3abc")
    ours = versions({PRODUCE: 9, FETCH: 12, METADATA: 13, 11: 9}, version)
    assert ours == rewritten(Asked(API_VERSIONS, version), theirs, lambda _: ELSEWHERE)


def test_an_old_broker_answers_in_version_0() -> None:
    """It says so with error 35, whatever version was asked for."""
    theirs = versions({PRODUCE: 13, METADATA: 9}, 4, error=35)
    ours = versions({PRODUCE: 9, METADATA: 9}, 4, error=35)
    assert ours == rewritten(Asked(API_VERSIONS, 4), theirs, lambda _: ELSEWHERE)


def request(api: int, version: int, rest: bytes = b"", correlation: int = CORRELATION) -> bytes:
    """A request of a client named `me`."""
    return frame(struct.pack(">hhi", api, version, correlation), text("me", compact=False), rest)


def test_every_split_of_the_bytes_gives_the_same() -> None:
    """Frames arrive in pieces: what goes on is the same in sum, and nothing of other frames is held up."""
    asked = request(FETCH, 4, correlation=5) + request(METADATA, 9)
    fetched = fetch_reply(4, {0: batch(1)}, correlation=5)
    theirs = fetched + metadata("kafka.example", 9092, 9) + fetched
    ours = fetched + metadata(*ELSEWHERE, 9) + fetched

    def pieces(data: bytes, size: int) -> list[bytes]:
        return [data[at : at + size] for at in range(0, len(data), size)]

    for size in range(1, len(theirs) + 1):
        translator = KafkaTranslator(lambda _: ELSEWHERE)
        sent = [item for piece in pieces(asked, size) for item in translator.upstream(piece)]
        assert asked == b"".join(item for item in sent if item)
        got = [item for piece in pieces(theirs, size) for item in translator.downstream(piece)]
        assert ours == b"".join(item for item in got if item), size


def test_a_large_reply_is_not_waited_for() -> None:
    """What need not be rewritten goes on as it comes."""
    translator = KafkaTranslator(lambda _: ELSEWHERE)
    large = frame(struct.pack(">i", 5), b"x" * 1000)
    assert [large[:500]] == translator.downstream(large[:500])
    assert [large[500:]] == translator.downstream(large[500:])


PRODUCES = [
    (3, text(None, compact=False)),
    (3, text("transaction", compact=False)),
    (9, b"\0" + text(None, compact=True)),
    (9, b"\0" + text("transaction", compact=True)),
]


@pytest.mark.parametrize("acks", [-1, 0, 1])
@pytest.mark.parametrize(("version", "before"), PRODUCES)
def test_acks_are_read(version: int, before: bytes, acks: int) -> None:
    """With and without a transactional id, in versions with and without tags."""
    found: list[Produced] = []
    sent = request(PRODUCE, version, before + struct.pack(">h", acks) + b"records")
    KafkaTranslator(lambda _: ELSEWHERE, produced=found.append).upstream(sent)
    assert [Produced(acks, len(sent))] == found


def test_a_lost_reply_is_that_of_the_request() -> None:
    """The reply to another request goes its way; without acks there is no reply to lose."""
    translator = KafkaTranslator(lambda _: ELSEWHERE, loses=lambda api: api == PRODUCE)
    other = frame(struct.pack(">i", 5), b"other")
    answer = frame(struct.pack(">i", CORRELATION), b"done")
    translator.upstream(request(PRODUCE, 3, text(None, compact=False) + struct.pack(">h", 0)))
    assert [answer] == translator.downstream(answer)
    translator.upstream(request(PRODUCE, 3, text(None, compact=False) + struct.pack(">h", 1)))
    assert [other, RESET] == translator.downstream(other + answer)


def batch(records: int, *, attributes: int = 0) -> bytes:
    """A record batch as a broker sends it: its header, and something in the place of the records."""
    body = (
        struct.pack(">ibihiqqqhii", 0, 2, 0, attributes, records - 1, 0, 0, -1, -1, -1, records) + b"?" * 30
    )
    return struct.pack(">qi", 1000, len(body)) + body


def fetch_reply(version: int, partitions: dict[int, bytes], correlation: int = CORRELATION) -> bytes:
    """A reply to Fetch with the record batches of some partitions of the topic `carts`."""
    compact = version >= 12

    def size(count: int) -> bytes:
        return bytes([count + 1]) if compact else struct.pack(">i", count)

    def records(data: bytes) -> bytes:
        return (
            bytes([len(data) + 1 & 0x7F | 0x80, len(data) + 1 >> 7]) if compact else size(len(data))
        ) + data

    tags = b"\0" if compact else b""
    listed = b"".join(
        struct.pack(">ihq", number, 0, 9)
        + (struct.pack(">q", 9) if version >= 4 else b"")  # last stable offset
        + (struct.pack(">q", 0) if version >= 5 else b"")  # log start offset
        + (size(1) + struct.pack(">qq", 7, 3) + tags if version >= 4 else b"")  # an aborted transaction
        + (struct.pack(">i", -1) if version >= 11 else b"")  # preferred replica
        + records(data)
        + tags
        for number, data in partitions.items()
    )
    return frame(
        struct.pack(">i", correlation),
        tags,
        struct.pack(">i", 0) if version >= 1 else b"",  # throttle time
        struct.pack(">hi", 0, 0) if version >= 7 else b"",  # error, session
        size(1) + text("carts", compact=compact) + size(len(partitions)) + listed + tags,
        tags,
    )


def fetched_by(version: int, reply: bytes, size: int) -> list[Fetched]:
    """What a translator tells of *reply*, which comes in pieces of that *size* and goes on as it came."""
    found: list[Fetched] = []
    translator = KafkaTranslator(lambda _: ELSEWHERE, fetched=found.append)
    translator.upstream(request(FETCH, version))
    pieces = [reply[at : at + size] for at in range(0, len(reply), size)]
    sent = [item for piece in pieces for item in translator.downstream(piece)]
    assert reply == b"".join(item for item in sent if item)
    return found


@pytest.mark.parametrize("version", range(13))
def test_fetched_records_are_counted(version: int) -> None:
    """In every version; markers of transactions are no records, a batch that is cut off does not count."""
    whole, marker = batch(20) + batch(3), batch(1, attributes=0x20)
    reply = fetch_reply(version, {0: whole + batch(500)[:-1], 2: marker + batch(7)})
    expected = [Fetched("carts", 0, 23), Fetched("carts", 2, 7)]
    for size in (1, 9, 100, len(reply)):
        assert expected == fetched_by(version, reply, size), size


def test_only_the_replies_to_fetch_are_counted() -> None:
    """A reply to something else that looks like one says nothing of records."""
    found: list[Fetched] = []
    translator = KafkaTranslator(lambda _: ELSEWHERE, fetched=found.append)
    translator.upstream(request(PRODUCE, 3, text(None, compact=False) + struct.pack(">h", 1)))
    translator.downstream(fetch_reply(4, {0: batch(1)}))
    assert [] == found


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00\x01\x00\x01", b"GET / HTTP/1.1\r\n", b"\0\0\0\1\0\0\0\0"]
)
def test_what_is_not_kafka_is_noticed(data: bytes) -> None:
    """TLS, for instance, or HTTP: no frame is so large, or so small."""
    with pytest.raises(NotKafka, match=r"a frame of \d+ bytes"):
        KafkaTranslator(lambda _: ELSEWHERE).upstream(data)
