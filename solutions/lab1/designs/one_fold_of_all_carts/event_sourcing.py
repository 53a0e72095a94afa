"""Shopping carts from a log of events: one scan makes all of them, and goes on where it was."""

import json
import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from redis import Redis

from labs.lab1.cart_events import PARTITIONS, Cart, CartEvent, ItemAdded, ItemRemoved, decode, encode


def apply(cart: Cart, event: CartEvent) -> Cart:
    """The *cart* as it is after *event*."""
    if event.version <= cart.version:
        return cart
    items = dict(cart.items)
    if isinstance(event, ItemAdded):
        items[event.item_id] = items.get(event.item_id, 0) + event.quantity
    elif isinstance(event, ItemRemoved) and items.get(event.item_id, 0) > event.quantity:
        items[event.item_id] -= event.quantity
    elif isinstance(event, ItemRemoved):
        items.pop(event.item_id, None)
    else:
        return Cart(items=items, checked_out=True, version=event.version)
    return Cart(items=items, checked_out=cart.checked_out, version=event.version)


class Fold:
    """All carts, and the offset behind what each partition has contributed."""

    def __init__(self, topic: str, counts: Callable[[CartEvent], bool] = lambda _: True) -> None:
        self.carts: dict[str, Cart] = {}
        self.offsets = dict.fromkeys(range(PARTITIONS), 0)
        self._topic = topic
        self._counts = counts
        self._consumer = Consumer(
            {
                "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
                "group.id": "fold",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
            }
        )

    def catch_up(self) -> None:
        """Take in what the log has gained."""
        self._consumer.assign([TopicPartition(self._topic, *place) for place in self.offsets.items()])
        behind = set(self.offsets)
        while behind:
            for message in self._consumer.consume(200, 0.05):
                if (error := message.error()) is None:
                    self._take(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    behind.discard(message.partition())
                else:
                    raise KafkaException(error)

    def _take(self, message: Any) -> None:
        event = decode(message.value())
        if self._counts(event):
            self.carts[event.cart_id] = apply(self.carts.get(event.cart_id, Cart()), event)
        self.offsets[message.partition()] = message.offset() + 1

    def to_json(self) -> str:
        """Carts and offsets, which belong together."""
        carts = {cart_id: cart.model_dump() for cart_id, cart in self.carts.items()}
        return json.dumps({"carts": carts, "offsets": list(self.offsets.items())})

    def begin_at(self, kept: bytes | None) -> None:
        """Begin where `to_json` was called, if *kept* is what it gave."""
        try:
            known = json.loads(kept or b"")
        except ValueError:
            return
        self.carts = {cart_id: Cart(**fields) for cart_id, fields in known["carts"].items()}
        self.offsets = dict(known["offsets"])


class CartLog:
    """The events of all carts, in the Kafka topic *topic*."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._redis = Redis.from_url(os.environ["REDIS_URL"])
        self._key = f"carts of {topic}"
        self._live: Fold | None = None
        self._producer = Producer(
            {
                "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
                "enable.idempotence": True,
                "partitioner": "murmur2",
                "linger.ms": 0,
                "message.timeout.ms": 15_000,
            }
        )

    def append(self, event: CartEvent) -> None:
        """Write *event* to the end of the log."""
        outcome: dict[str, Any] = {}
        self._producer.produce(
            self._topic,
            key=event.cart_id.encode(),
            value=encode(event),
            on_delivery=lambda error, _: outcome.update(error=error),
        )
        while "error" not in outcome:
            self._producer.poll(0.1)
        if outcome["error"]:
            raise RuntimeError(f"not delivered: {outcome['error']}")

    def rebuild(self, cart_id: str) -> Cart:
        """The cart as it is now."""
        return self._caught_up().carts.get(cart_id, Cart())

    def take_snapshot(self, cart_id: str) -> None:  # noqa: ARG002 - all of them are kept
        """Keep all carts as they are now."""
        self._redis.set(self._key, self._caught_up().to_json())

    def state_at(self, cart_id: str, instant: datetime) -> Cart:
        """The cart as it was at *instant*, from the whole log."""
        if instant.tzinfo is None or instant.utcoffset() is None:
            raise ValueError("which time zone?")
        past = Fold(self._topic, lambda event: event.cart_id == cart_id and event.occurred_at <= instant)
        past.catch_up()
        return past.carts.get(cart_id, Cart())

    def _caught_up(self) -> Fold:
        if self._live is None:
            self._live = Fold(self._topic)
            self._live.begin_at(self._redis.get(self._key))
        self._live.catch_up()
        return self._live
