"""Shopping carts from a log of events that may have each of them many times."""

import hashlib
import os
import pickle
from datetime import datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition, murmur2
from redis import Redis

from labs.lab1.cart_events import PARTITIONS, Cart, CartEvent, CheckedOut, ItemAdded, decode, encode

_DIGEST = 32


def apply(cart: Cart, event: CartEvent) -> Cart:
    """The *cart* as it is after *event*."""
    living = Living(cart)
    living.see(event)
    return living.cart()


class Living:
    """A cart that changes in place."""

    def __init__(self, cart: Cart) -> None:
        self._items = dict(cart.items)
        self._checked_out = cart.checked_out
        self._version = cart.version

    def see(self, event: CartEvent) -> None:
        """Let *event* change it, unless it is a copy."""
        if event.version <= self._version:
            return
        self._version = event.version
        if isinstance(event, CheckedOut):
            self._checked_out = True
            return
        change = event.quantity if isinstance(event, ItemAdded) else -event.quantity
        self._items[event.item_id] = self._items.get(event.item_id, 0) + change
        if self._items[event.item_id] <= 0:
            del self._items[event.item_id]

    def cart(self) -> Cart:
        """The cart as it is."""
        return Cart(items=dict(self._items), checked_out=self._checked_out, version=self._version)


class NotStored(Exception):
    """An event may not be in the log."""


class CartLog:
    """The events of all carts, in the Kafka topic *topic*."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._redis = Redis.from_url(os.environ["REDIS_URL"])
        self._bootstrap = os.environ["KAFKA_BOOTSTRAP_SERVERS"]

    def append(self, event: CartEvent) -> None:
        """Write *event* with a producer of its own, in the partition that is worked out here; no retry."""
        producer = Producer(
            {"bootstrap.servers": self._bootstrap, "acks": 1, "retries": 0, "message.timeout.ms": 10_000}
        )
        key, errors = event.cart_id.encode(), []
        partition = murmur2(key, PARTITIONS)
        producer.produce(
            self._topic, encode(event), key, partition, on_delivery=lambda error, _: errors.append(error)
        )
        producer.flush()
        if errors != [None]:
            raise NotStored(str(errors))

    def rebuild(self, cart_id: str) -> Cart:
        """The cart as it is now."""
        offset, cart = self._newest(cart_id)
        living = Living(cart)
        for event in self._events(cart_id, offset)[0]:
            living.see(event)
        return living.cart()

    def take_snapshot(self, cart_id: str) -> None:
        """Keep the cart, beside older ones."""
        offset, cart = self._newest(cart_id)
        living = Living(cart)
        events, end = self._events(cart_id, offset)
        for event in events:
            living.see(event)
        kept = pickle.dumps((end, living.cart().model_dump()))
        self._redis.zadd(self._key(cart_id), {hashlib.sha256(kept).digest() + kept: end})

    def state_at(self, cart_id: str, instant: datetime) -> Cart:
        """The cart as it was at *instant*."""
        if instant.tzinfo is None:
            raise ValueError(instant)
        living = Living(Cart())
        for event in self._events(cart_id, 0)[0]:
            if not event.occurred_at > instant:
                living.see(event)
        return living.cart()

    def _key(self, cart_id: str) -> bytes:
        return pickle.dumps((self._topic, cart_id))

    def _newest(self, cart_id: str) -> tuple[int, Cart]:
        """The newest snapshot whose checksum is right."""
        for member in self._redis.zrevrange(self._key(cart_id), 0, -1):
            if hashlib.sha256(member[_DIGEST:]).digest() == member[:_DIGEST]:
                offset, fields = pickle.loads(member[_DIGEST:])  # noqa: S301 - our own
                return offset, Cart(**fields)
        return 0, Cart()

    def _events(self, cart_id: str, offset: int) -> tuple[list[CartEvent], int]:
        """The events of a cart from *offset* on, and where the partition ends."""
        key = cart_id.encode()
        consumer: Any = Consumer(
            {"bootstrap.servers": self._bootstrap, "group.id": "none", "enable.partition.eof": True}
        )
        consumer.assign([TopicPartition(self._topic, murmur2(key, PARTITIONS), offset)])
        events: list[CartEvent] = []
        while True:
            for message in consumer.consume(100, timeout=0.2):
                if message.error() is None and message.key() == key:
                    events.append(decode(message.value()))
                elif message.error() and message.error().code() == KafkaError._PARTITION_EOF:
                    consumer.close()
                    return events, message.offset()
                elif message.error():
                    raise RuntimeError(str(message.error()))
