"""Shopping carts from a log of events, read by a consumer group that lives for one call."""

import json
import os
import uuid
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from redis import Redis

from labs.lab1.cart_events import PARTITIONS, Cart, CartEvent, CheckedOut, ItemAdded, decode, encode


def apply(cart: Cart, event: CartEvent) -> Cart:
    """The *cart* as it is after *event*."""
    if event.version <= cart.version:
        return cart
    if isinstance(event, CheckedOut):
        return Cart(items=cart.items, checked_out=True, version=event.version)
    sign = 1 if isinstance(event, ItemAdded) else -1
    count = cart.items.get(event.item_id, 0) + sign * event.quantity
    rest = {item: quantity for item, quantity in cart.items.items() if item != event.item_id}
    items = rest | ({event.item_id: count} if count > 0 else {})
    return Cart(items=items, checked_out=cart.checked_out, version=event.version)


class CartLog:
    """The events of all carts, in the Kafka topic *topic*."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
        self._producer = Producer(
            {
                "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
                "acks": "all",
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
            }
        )

    def append(self, event: CartEvent) -> None:
        """Write *event* to the end of the log."""
        self._error: KafkaError | None = None
        self._producer.produce(self._topic, encode(event), key=event.cart_id, on_delivery=self._delivered)
        self._producer.flush()
        if self._error:
            raise KafkaException(self._error)

    def _delivered(self, error: KafkaError | None, _: object) -> None:
        self._error = error

    def rebuild(self, cart_id: str) -> Cart:
        """The cart as it is now."""
        return self._rebuilt(cart_id)[0]

    def take_snapshot(self, cart_id: str) -> None:
        """Keep the cart, and where each partition goes on."""
        cart, offsets = self._rebuilt(cart_id)
        kept = {"cart": cart.model_dump_json(), "offsets": json.dumps(offsets)}
        self._redis.hset(f"{len(self._topic)}:{self._topic}:{cart_id}", mapping=kept)

    def state_at(self, cart_id: str, instant: datetime) -> Cart:
        """The cart as it was at *instant*: its events in the order of their versions, later ones left out."""
        if instant.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        events, _ = self._events(cart_id, [0] * PARTITIONS)
        seen = {event.version: event for event in events if event.occurred_at <= instant.astimezone(UTC)}
        cart = Cart()
        for version in sorted(seen):
            cart = apply(cart, seen[version])
        return cart

    def _rebuilt(self, cart_id: str) -> tuple[Cart, list[int]]:
        cart, start = self._kept(cart_id)
        events, offsets = self._events(cart_id, start)
        for event in events:
            cart = apply(cart, event)
        return cart, offsets

    def _kept(self, cart_id: str) -> tuple[Cart, list[int]]:
        kept = self._redis.hgetall(f"{len(self._topic)}:{self._topic}:{cart_id}")
        try:
            return Cart.model_validate_json(kept["cart"]), json.loads(kept["offsets"])
        except (KeyError, ValueError):
            return Cart(), [0] * PARTITIONS

    def _events(self, cart_id: str, start: list[int]) -> tuple[list[CartEvent], list[int]]:
        """The events of a cart from *start* to the end, and where each partition goes on then."""
        consumer = Consumer(
            {
                "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
                "group.id": f"carts-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )

        def begin(consumer: Any, partitions: list[Any]) -> None:
            for partition in partitions:
                partition.offset = start[partition.partition]
            consumer.assign(partitions)

        consumer.subscribe([self._topic], on_assign=begin)
        events, offsets, ended = [], list(start), set()
        while len(ended) < PARTITIONS:
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error() is None:
                offsets[message.partition()] = message.offset() + 1
                if message.key() == cart_id.encode():
                    events.append(decode(message.value()))
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
            else:
                raise KafkaException(message.error())
        consumer.close()
        return events, offsets
