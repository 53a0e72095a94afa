"""Shopping carts from a log of events; snapshots lie in a compacted topic, and serve temporal queries too."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import reduce
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition, murmur2
from pydantic import BaseModel, ValidationError

from labs.lab1.cart_events import PARTITIONS, Cart, CartEvent, CheckedOut, ItemAdded, decode, encode

_NEVER = datetime.min.replace(tzinfo=UTC)


class Snapshot(BaseModel):
    """A cart, the offset behind its last event, and the latest instant at which one of them occurred."""

    cart: Cart = Cart()
    offset: int = 0
    latest: datetime = _NEVER

    def then(self, event: CartEvent, offset: int) -> "Snapshot":
        """The snapshot after *event*, which lies at *offset*."""
        latest = max(self.latest, event.occurred_at)
        return Snapshot(cart=apply(self.cart, event), offset=offset + 1, latest=latest)


def apply(cart: Cart, event: CartEvent) -> Cart:
    """The *cart* as it is after *event*."""
    if event.version <= cart.version:
        return cart
    if isinstance(event, CheckedOut):
        return cart.model_copy(update={"checked_out": True, "version": event.version})
    change = event.quantity if isinstance(event, ItemAdded) else -event.quantity
    left = max(0, cart.items.get(event.item_id, 0) + change)
    items = {**cart.items, event.item_id: left}
    if not left:
        del items[event.item_id]
    return cart.model_copy(update={"items": items, "version": event.version})


class CartLog:
    """The events of all carts, in the Kafka topic *topic*."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._snapshots = f"{topic}-snapshots"
        common = {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"]}
        self._producer = Producer(common | {"acks": "all", "partitioner": "murmur2", "linger.ms": 0})
        self._consumer = Consumer(
            common
            | {
                "group.id": topic,
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
            }
        )

    def append(self, event: CartEvent) -> None:
        """Write *event* to the end of the log."""
        self._write(self._topic, event.cart_id, encode(event))

    def rebuild(self, cart_id: str) -> Cart:
        """The cart as it is now."""
        return self._now(cart_id).cart

    def take_snapshot(self, cart_id: str) -> None:
        """Keep the cart as it is now."""
        self._write(self._snapshots, cart_id, self._now(cart_id).model_dump_json().encode())

    def state_at(self, cart_id: str, instant: datetime) -> Cart:
        """The cart at *instant*; a snapshot in which nothing is later is as good as its events."""
        if instant.utcoffset() is None:
            raise ValueError("an instant has a time zone")
        kept = self._newest_snapshot(cart_id)
        start = kept if kept.latest <= instant else Snapshot()
        return self._from(start, cart_id, lambda event: event.occurred_at <= instant).cart

    def _now(self, cart_id: str) -> Snapshot:
        return self._from(self._newest_snapshot(cart_id), cart_id, lambda _: True)

    def _from(self, start: Snapshot, cart_id: str, counts: Callable[[CartEvent], bool]) -> Snapshot:
        partition = murmur2(cart_id.encode(), PARTITIONS)
        messages = self._read(self._topic, partition, start.offset)
        events = ((decode(m.value()), m.offset()) for m in messages if m.key() == cart_id.encode())
        return reduce(lambda kept, step: kept.then(*step), (e for e in events if counts(e[0])), start)

    def _newest_snapshot(self, cart_id: str) -> Snapshot:
        newest = Snapshot()
        for message in self._read(self._snapshots, 0, 0):
            if message.key() == cart_id.encode():
                newest = _parsed(message.value())
        return newest

    def _write(self, topic: str, key: str, value: bytes) -> None:
        failed: list[KafkaError] = []
        self._producer.produce(topic, value, key, on_delivery=lambda e, _: failed.append(e) if e else None)
        self._producer.flush()
        if failed:
            raise KafkaException(failed[0])

    def _read(self, topic: str, partition: int, offset: int) -> Iterator[Any]:
        self._consumer.assign([TopicPartition(topic, partition, offset)])
        while True:
            message = self._consumer.poll(5.0)
            if message is None:
                continue
            if message.error() is None:
                yield message
            elif message.error().code() == KafkaError._PARTITION_EOF:
                return
            else:
                raise KafkaException(message.error())


def _parsed(value: bytes | None) -> Snapshot:
    try:
        return Snapshot.model_validate_json(value or b"")
    except ValidationError:
        return Snapshot()
