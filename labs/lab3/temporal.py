"""
Lab 3, part C: an order as it was.

    question: order 123 on 3 May, 12:00
        newest snapshot that holds nothing later than 3 May     an order at version 1500
        the events behind it, up to 3 May, 12:00                versions 1501, 1502 …
        applied in the order of their versions                  the answer

Without snapshots every question reads the order's whole life. Snapshots are copies: an answer may be
quicker with one and must not be another, whether it is missing, old, newer than the question, or broken.

The challenge, X1, is at the end. It needs no database.
"""

from collections.abc import Sequence
from datetime import datetime

from labs.lab3.event_store import EventStore
from labs.lab3.events import Event, OrderState
from labs.lab3.order import Order  # noqa: F401
from labs.lab3.pricing import Basket


class TemporalQueryService:
    """
    What orders were at any instant, from the events in *event_store*.

    Promises C2.1 and C2.2 in README.md.
    """

    def __init__(self, event_store: EventStore) -> None:
        # TODO C2: nothing that is kept only in this object, or in this process, may be needed.
        self._store = event_store

    def get_order_state_at_time(self, order_id: str, timestamp: datetime) -> OrderState:
        """
        The order after all events of the stream `order-`*order_id* with `occurred_at <= timestamp`.

        They are applied in the order of their versions; `OrderState()` if there are none.

        Promises C1.3 to C1.6, C3.5, C3.6, C4.1 and C5.2 in README.md.

        Raises:
            StreamCorrupted: Events are missing that the state would need.
        """
        # TODO C1: take a snapshot every so many events, and begin at one that is not too new.
        # TODO C3: a snapshot that is broken is as good as none.
        # TODO C5: events are missing: no state rather than a wrong one.
        raise NotImplementedError("TODO C1: get_order_state_at_time replays the events up to an instant")


def basket_at(events: Sequence[Event], at: datetime, known_at: datetime | None = None) -> Basket:
    """
    What was in the basket at the instant *at*, and what it cost, by what was known at *known_at*.

    *events* are those of `pricing.py`, in the order in which they were stored. README.md has the rules,
    promises X1.1 to X1.6.
    """
    raise NotImplementedError("TODO X1: basket_at, the challenge")
