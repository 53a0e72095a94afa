"""
Lab 1, part C: shopping carts that are rebuilt from a log of events, which is a Kafka topic.

    append(event) ──> topic, 3 partitions          a cart's events lie in one of them, in order
    rebuild(cart) <── snapshot + events behind it   or all events, if there is no snapshot
    state_at(cart, instant) <── events that had occurred by then

What each method promises stands in README.md, under the ids that are named here.

Run the checks:  pytest labs/lab1 --lab-criterion C1        A hint:  labkit hint lab1 C1
"""

from datetime import datetime

from labs.lab1.cart_events import Cart, CartEvent, decode, encode  # noqa: F401


def apply(cart: Cart, event: CartEvent) -> Cart:
    """The *cart* as it is after *event*: C1.1 and C1.2 in README.md."""
    raise NotImplementedError("TODO C1: apply says what an event makes of a cart")


class CartLog:
    """
    The events of all carts, in the Kafka topic *topic*.

    Kafka is found by `KAFKA_BOOTSTRAP_SERVERS`, Redis by `REDIS_URL`.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def append(self, event: CartEvent) -> None:
        """Write *event* to the end of the log, and return when it is safe there: C1.3 and C1.4."""
        raise NotImplementedError("TODO C1: append writes an event to the topic")

    def rebuild(self, cart_id: str) -> Cart:
        """The cart as it is now: C1.5 to C1.9, and C2.2 to C2.4."""
        # TODO C2: begin at the snapshot, if there is one.
        raise NotImplementedError("TODO C1: rebuild applies all events of a cart in turn")

    def take_snapshot(self, cart_id: str) -> None:
        """Keep the cart as it is now, so that `rebuild` has less to read from here on: C2.1 to C2.5."""
        raise NotImplementedError("TODO C2: take_snapshot keeps a copy of the cart")

    def state_at(self, cart_id: str, instant: datetime) -> Cart:
        """
        The cart as it was at *instant*: C3.1 to C3.5.

        Raises:
            ValueError: *instant* has no time zone.
        """
        raise NotImplementedError("TODO C3: state_at applies the events that had occurred by then")
