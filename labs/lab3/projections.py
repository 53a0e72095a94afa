"""
Lab 3, part B: read models of the orders, fed by the changes of the table.

The event store answers one question: what happened to this order? A shop asks others: which orders does this
customer have, which are not confirmed yet, who ordered a lamp? For each kind of question there is a read
model that has the answer ready. It is made from the events, a moment after they were stored:

    event-store --stream--> Projector --> OrderView   in Redis: orders by id, by customer, by status
                                      --> ItemSearch  in the search index: orders by words

The way there is rough: a change may come twice, late or out of turn, the projector may be killed at any
step, and Redis may come back empty. What the read models must be, whatever happens, stands in README.md.

Run the checks:  pytest labs/lab3        A hint:  labkit hint lab3 B1
"""

import os  # noqa: F401 - REDIS_URL says where Redis is

import redis  # noqa: F401

from labs.lab3.event_store import EventStore  # noqa: F401
from labs.lab3.events import Event, OrderState
from labs.lab3.search_index import SearchIndex  # noqa: F401
from labs.lab3.streams import DynamoDBStream, KafkaStream, PositionLost, whole_table  # noqa: F401

STREAM = DynamoDBStream  # or KafkaStream


class OrderView:
    """
    Orders in Redis, found by id, by customer and by status. No question to it reads the event store.

    Promises B1.2 to B1.8 in README.md.
    """

    def __init__(self) -> None:
        # redis.Redis.from_url(os.environ["REDIS_URL"]) finds an empty database of your own.
        pass

    def handle(self, event: Event) -> None:
        """Let the view show *event*, which may come in any order and any number of times: B2.1 to B2.5."""
        # TODO B2: an event that comes again changes nothing, and one that comes too early is not lost.
        raise NotImplementedError("TODO B1: handle lets the view show an event")

    def order(self, order_id: str) -> OrderState | None:
        """The order, `None` if the view knows nothing of it."""
        raise NotImplementedError("TODO B1: order gives what the view shows of an order")

    def orders_of(self, customer_id: str) -> list[str]:
        """The ids of a customer's orders, each once, in any order."""
        raise NotImplementedError("TODO B1: orders_of finds a customer's orders")

    def orders_with(self, status: str) -> list[str]:
        """The ids of the orders with this status, each once, in any order."""
        raise NotImplementedError("TODO B1: orders_with finds the orders with a status")

    def wait_for(self, order_id: str, version: int, timeout_s: float) -> bool:
        """Wait until the view shows the order at *version* or a later one; `False` after *timeout_s*."""
        raise NotImplementedError("TODO B1: wait_for lets a writer read what it wrote")


class Projector:
    """
    Takes changes from the stream and shows them in the read models. Promises B2.6 and B2.7 in README.md.

    Args:
        search: The search read model to feed as well (B5); without one only Redis is used.
    """

    def __init__(self, search: "ItemSearch | None" = None) -> None:
        pass

    def run_once(self, wait_s: float = 0.0) -> int:
        """
        Show what came next; how many changes that were, 0 if there were none within *wait_s* seconds.

        Promises B1.9, B3.1, B4.1 to B4.3 and B5.2 in README.md.
        """
        # TODO B2: killed at any step, the next process goes on and ends right.
        # TODO B3: a second at most from append_events to the view.
        # TODO B4: if Redis has come back empty, everything is rebuilt.
        raise NotImplementedError("TODO B1: run_once takes changes from the stream and shows them")

    def rebuild(self) -> None:
        """
        Make the read models anew from all events in the table; what they show meanwhile stays whole.

        Promises B4.4 to B4.8 and B5.6 in README.md.
        """
        raise NotImplementedError("TODO B4: rebuild makes the read models anew")


class ItemSearch:
    """Orders found by the words in the ids of their items. Promises B5.1 to B5.6 in README.md."""

    def __init__(self) -> None:
        pass

    def find(self, text: str) -> list[str]:
        """The ids of the orders that have every word of *text* in the ids of their items."""
        raise NotImplementedError("TODO B5: find gives the orders that have these words in their items")
