"""Don't change this file: the topics of part C, what the kit does to them and to snapshots, and fixtures."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import pytest

from labs.lab1.cart_events import PARTITIONS, Cart, CartEvent, CheckedOut, ItemAdded, ItemRemoved, encode
from pytest_labkit import KitError, expect
from pytest_labkit.checks.calls import Background
from pytest_labkit.checks.empty_redis import empty_redis

DEADLINE_S = 30.0
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)
LARGEST = 100_000
"""Bytes that a record of a log may have: the topic is configured so."""

_BATCH = 20  # records that the kit writes at once: a broker sends no less than a batch


class Stored(NamedTuple):
    """A record of a topic."""

    partition: int
    key: bytes | None
    value: bytes | None


class Carts:
    """
    The topic of a log, and the one for its snapshots, as the kit's own clients see them.

    Args:
        bootstrap: The brokers themselves, past all links.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self.topic = f"carts-{secrets.token_hex(4)}"
        self.snapshots = f"{self.topic}-snapshots"
        config = {"retention.ms": "-1", "max.message.bytes": str(LARGEST)}
        _make_topic(bootstrap, self.topic, PARTITIONS, config)
        _make_topic(bootstrap, self.snapshots, 1, {"cleanup.policy": "compact"})

    def write(self, events: Iterable[CartEvent]) -> None:
        """Write *events* in turn, as Java's default partitioner places them; Kafka's times say nothing."""
        self._produce(self._writer, events)
        _delivered(self._writer)

    def write_in_transaction(self, events: Iterable[CartEvent], *, commit: bool) -> None:
        """Write *events* in a transaction that is committed or aborted."""
        producer = self._producer(**{"transactional.id": secrets.token_hex(4)})
        producer.init_transactions(DEADLINE_S)
        producer.begin_transaction()
        self._produce(producer, events)
        _delivered(producer)  # or what is aborted might never have been written
        if commit:
            producer.commit_transaction(DEADLINE_S)
        else:
            producer.abort_transaction(DEADLINE_S)

    def records(self, topic: str = "") -> list[Stored]:
        """The records of the log's topic, or of another, each partition's in order; aborted ones left out."""
        from confluent_kafka import Consumer, TopicPartition

        topic = topic or self.topic
        settings = {"bootstrap.servers": self._bootstrap, "group.id": topic, "enable.partition.eof": True}
        consumer = Consumer({**settings, "auto.offset.reset": "earliest", "enable.auto.commit": False})
        open_ = set(consumer.list_topics(topic, DEADLINE_S).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in open_])
        found = []
        while open_:
            message = consumer.poll(DEADLINE_S)
            if message is None:
                raise KitError(f"The topic {topic} cannot be read.", "Run: labkit doctor.")
            if message.error():
                open_.discard(message.partition())
            else:
                found.append(Stored(message.partition(), message.key(), message.value()))
        consumer.close()
        return found

    def write_snapshots(self, records: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        """Write *records*, each a key and a value, into the topic for snapshots."""
        for key, value in records:
            self._writer.produce(self.snapshots, value, key)
        _delivered(self._writer)

    def delete(self) -> None:
        """Delete both topics."""
        admin = _admin(self._bootstrap)  # must outlive its futures
        for gone in admin.delete_topics([self.topic, self.snapshots]).values():
            gone.result(DEADLINE_S)

    def _produce(self, producer: Any, events: Iterable[CartEvent]) -> None:
        for number, event in enumerate(events):
            sent_ms = 1_000_000_000_000 - number * 1000  # Kafka's times go back, in 2001
            producer.produce(self.topic, encode(event), event.cart_id.encode(), timestamp=sent_ms)

    @cached_property
    def _writer(self) -> Any:
        return self._producer()

    def _producer(self, **more: str) -> Any:
        from confluent_kafka import Producer

        settings = {
            "bootstrap.servers": self._bootstrap,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "batch.num.messages": _BATCH,
        }
        return Producer({**settings, **more})


def _delivered(producer: Any) -> None:
    if producer.flush(DEADLINE_S):
        raise KitError("Kafka takes no records.", "Run: labkit doctor.")


def _make_topic(bootstrap: str, name: str, partitions: int, config: dict[str, str]) -> None:
    from confluent_kafka.admin import NewTopic

    admin = _admin(bootstrap)  # must outlive its futures
    admin.create_topics([NewTopic(name, partitions, -1, config=config)])[name].result(DEADLINE_S)


def _admin(bootstrap: str) -> Any:
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.list_topics(timeout=DEADLINE_S)  # librdkafka drops what it asks before it knows the brokers
    return admin


# Wherever a student keeps snapshots, they can be lost and damaged


class Snapshots:
    """What a student has kept in Redis, and in the topic for snapshots."""

    def __init__(self, redis: Any, carts: Carts) -> None:
        self._redis = redis
        self._carts = carts

    def lose(self) -> None:
        """Redis comes back empty; each key of the topic is deleted."""
        self._redis.flushdb()
        self._carts.write_snapshots((key, None) for key in self._newest())

    def damage(self) -> None:
        """Of each snapshot the largest value is cut off in the middle."""
        for key in self._redis.scan_iter():
            self._damage(key)
        self._carts.write_snapshots((key, _half(value)) for key, value in self._newest().items())

    def _newest(self) -> dict[bytes | None, bytes]:
        newest = {record.key: record.value for record in self._carts.records(self._carts.snapshots)}
        return {key: value for key, value in newest.items() if value is not None}

    def _damage(self, key: bytes) -> None:
        match self._redis.type(key):
            case b"string":
                self._redis.set(key, _half(self._redis.get(key)))
            case b"hash":
                fields = self._redis.hgetall(key)
                largest = max(fields, key=lambda field: len(fields[field]))
                self._redis.hset(key, largest, _half(fields[largest]))
            case _:
                self._redis.delete(key)


def _half(value: bytes) -> bytes:
    return value[: len(value) // 2]


# What is expected


def cart_after(events: Iterable[CartEvent]) -> Cart:
    """The cart that *events*, all of one cart, come to; of each version the first counts."""
    counted: dict[int, CartEvent] = {}
    for event in events:
        if not counted or event.version > max(counted):
            counted[event.version] = event
    items: dict[str, int] = {}
    for event in counted.values():
        if isinstance(event, ItemAdded | ItemRemoved):
            change = event.quantity if isinstance(event, ItemAdded) else -event.quantity
            items[event.item_id] = max(0, items.get(event.item_id, 0) + change)
    return Cart(
        items={item: quantity for item, quantity in items.items() if quantity},
        checked_out=any(isinstance(event, CheckedOut) for event in counted.values()),
        version=max(counted, default=0),
    )


def cart_at(events: Iterable[CartEvent], instant: datetime) -> Cart:
    """The cart that those of *events* come to that had occurred by *instant*."""
    return cart_after(event for event in events if event.occurred_at <= instant)


def life(rng: random.Random, cart_id: str, count: int) -> list[CartEvent]:
    """
    *count* events of a cart from `NOON` on, versions in turn.

    Some occur at one and the same instant; some, of a telephone without a net, are up to ten minutes late.
    """
    events: list[CartEvent] = []
    now = NOON
    for version in range(1, count + 1):
        now += rng.choice([timedelta(), MICROSECOND, MINUTE, MINUTE])
        occurred_at = now - rng.choice([timedelta(), timedelta(), timedelta(seconds=rng.randint(1, 600))])
        kind = rng.choice([ItemAdded, ItemAdded, ItemRemoved])
        item, quantity = f"item-{rng.randint(1, 8)}", rng.randint(1, 5)
        made = {"cart_id": cart_id, "version": version, "occurred_at": max(NOON, occurred_at)}
        last = version == count and count > 1
        events.append(CheckedOut(**made) if last else kind(**made, item_id=item, quantity=quantity))
    return events


def shuffled(rng: random.Random, *lives: Sequence[CartEvent]) -> list[CartEvent]:
    """The events of several carts, interleaved by chance; each cart's in order."""
    waiting = [list(reversed(events)) for events in lives]
    turns = [number for number, events in enumerate(lives) for _ in events]
    rng.shuffle(turns)
    return [waiting[number].pop() for number in turns]


def same_cart(expected: Cart, got: Any, what: str, perhaps: str | None = None) -> None:
    """*got* is the cart that is *expected*."""
    expect(
        type(got) is Cart and vars(got) == vars(expected),
        expected=f"{what}: {expected!r}",
        got=repr(got)[:400],
        perhaps=perhaps,
    )


def background(call: Callable[[], Any]) -> Background:
    """*call*, while the test does something to Kafka."""
    return Background(
        call,
        DEADLINE_S,
        expected=f"the call to end within {DEADLINE_S:g} s, now that Kafka can be reached",
        got="a call that still runs",
    )


# Fixtures


@pytest.fixture
def carts(kafka: Any) -> Iterator[Carts]:
    """The topic of a log, of the test's own, with nothing in it."""
    made = Carts(kafka.address)
    yield made
    made.delete()


@pytest.fixture
def cart_services(request: pytest.FixtureRequest, cart_redis: Any) -> None:
    """The environment leads to Kafka and to Redis, through links if the test can break them."""
    if "faults" in request.fixturenames:
        request.getfixturevalue("faults")


@pytest.fixture
def cart_log(carts: Carts, cart_services: None, answers: Any) -> Any:
    """The student's `CartLog` of that topic."""
    return answers.event_sourcing.CartLog(carts.topic)


@pytest.fixture
def cart_redis(redis: Any) -> Iterator[Any]:
    """The client of a Redis database that holds nothing but what this test's answers keep."""
    with empty_redis(redis.address, "part C") as client:
        yield client


@pytest.fixture
def cart_snapshots(cart_redis: Any, carts: Carts) -> Snapshots:
    """The snapshots that the student keeps, to be lost and damaged."""
    return Snapshots(cart_redis, carts)
