"""Shopping carts from a log of events, a Kafka topic; snapshots of them lie in Redis."""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition, murmur2
from redis import Redis

from labs.lab1.cart_events import (
    PARTITIONS,
    Cart,
    CartEvent,
    CheckedOut,
    ItemAdded,
    ItemRemoved,
    decode,
    encode,
)

_DELIVERY_MS = 20_000
_BEGINNING = 0


def apply(cart: Cart, event: CartEvent) -> Cart:
    """The *cart* as it is after *event*; a copy of an event that it has seen changes nothing."""
    if event.version <= cart.version:
        return cart
    items, checked_out = dict(cart.items), cart.checked_out
    match event:
        case ItemAdded(item_id=item, quantity=quantity):
            items[item] = items.get(item, 0) + quantity
        case ItemRemoved(item_id=item, quantity=quantity):
            items[item] = items.get(item, 0) - quantity
        case CheckedOut():
            checked_out = True
    left = {item: quantity for item, quantity in items.items() if quantity > 0}
    return Cart(items=left, checked_out=checked_out, version=event.version)


class CartLog:
    """The events of all carts, in the Kafka topic *topic*."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._redis = Redis.from_url(os.environ["REDIS_URL"])
        self._producer = Producer(
            {
                "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 0,
                "delivery.timeout.ms": _DELIVERY_MS,
            }
        )

    def append(self, event: CartEvent) -> None:
        """Write *event* to the end of the log; it is there when this returns."""
        errors: list[KafkaError | None] = []

        def note(error: KafkaError | None, _: Message) -> None:
            errors.append(error)

        self._producer.produce(self._topic, encode(event), event.cart_id.encode(), on_delivery=note)
        self._producer.flush()
        if errors[0] is not None:
            raise KafkaException(errors[0])

    def rebuild(self, cart_id: str) -> Cart:
        """The cart as it is now: the snapshot, and the events behind it."""
        return self._rebuilt(cart_id)[0]

    def take_snapshot(self, cart_id: str) -> None:
        """Keep the cart, and where the log goes on behind it."""
        cart, offset = self._rebuilt(cart_id)
        snapshot = json.dumps({"offset": offset, "cart": cart.model_dump()})
        self._redis.set(self._key(cart_id), snapshot)

    def state_at(self, cart_id: str, instant: datetime) -> Cart:
        """The cart after all events that had occurred by *instant*."""
        if instant.tzinfo is None:
            raise ValueError(f"{instant} has no time zone: it is another instant in each")
        cart = Cart()
        for event, _ in self._events(cart_id, _BEGINNING):
            if event.occurred_at <= instant:
                cart = apply(cart, event)
        return cart

    def _rebuilt(self, cart_id: str) -> tuple[Cart, int]:
        """The cart as it is now, and the offset behind its last event."""
        cart, offset = self._snapshot(cart_id)
        for event, position in self._events(cart_id, offset):
            cart, offset = apply(cart, event), position + 1
        return cart, offset

    def _snapshot(self, cart_id: str) -> tuple[Cart, int]:
        """The cart as it was kept, and where the log goes on; the beginning if nothing whole was."""
        try:
            kept = json.loads(self._redis.get(self._key(cart_id)) or b"")
            return Cart(**kept["cart"]), kept["offset"]
        except (ValueError, KeyError, TypeError):
            return Cart(), _BEGINNING

    def _key(self, cart_id: str) -> str:
        return json.dumps([self._topic, cart_id])

    def _events(self, cart_id: str, offset: int) -> Iterator[tuple[CartEvent, int]]:
        """The events of a cart from *offset* to the end of its partition, each with its own offset."""
        key = cart_id.encode()
        for message in self._messages(TopicPartition(self._topic, murmur2(key, PARTITIONS), offset)):
            if message.key() == key:
                yield decode(message.value()), message.offset()

    def _messages(self, start: TopicPartition) -> Iterator[Any]:
        consumer = Consumer(
            {
                "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
                "group.id": "carts",  # never used: nothing is committed
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 20,
            }
        )
        try:
            consumer.assign([start])
            while True:
                message = consumer.poll(1.0)
                if message is None:
                    continue  # slow, which does not mean that there is nothing
                if (error := message.error()) is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    return
                else:
                    raise KafkaException(error)
        finally:
            consumer.close()
