"""
The model answer to lab 3, part B: read models of the orders, fed by the changes of the table.

    event-store --stream--> Projector --one transaction a batch--> Redis: orders, indexes, checkpoint
                                      \\--then----------------------> search index: a document for each order

In Redis an order is its state and those events that came too early, under one field of a hash. A batch of
changes, the indexes and the checkpoint are written in one MULTI/EXEC, which is refused if the checkpoint
is not the one that the batch began at: so a projector that was killed has done all of a batch or nothing,
two that run at once do not do it twice, and a Redis that comes back empty is not taken for one that is up to
date. Events know their place in the stream, so one that comes again changes nothing, and one that comes too
early waits. Without a checkpoint everything is rebuilt from the table: into keys of its own, which take the
place of the old ones at a stroke.

As good: each event by a Lua script, and the checkpoint after it; or an order that is read anew from the
event store whenever something of it comes.
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import redis

from labs.lab3.errors import OrderRuleBroken
from labs.lab3.event_store import EventStore
from labs.lab3.events import EVENT_TYPES, Event, OrderState
from labs.lab3.order import Order
from labs.lab3.search_index import SearchIndex
from labs.lab3.streams import DynamoDBStream, Item, PositionLost, whole_table

STREAM = DynamoDBStream

KEYS = ("orders", "by_customer", "by_status", "checkpoint")
ABANDONED_S = 3600  # after which what a rebuild that was killed has left is gone
POLL_S = 0.005
KEPT_S = 1.5  # how long the answer to a search is given again; the index itself is up to a second behind


class Moved(Exception):
    """The checkpoint is not where the batch began: another projector was here, or Redis came back empty."""


class OrderView:
    """
    Orders in Redis, found by id, by customer and by status.

    Args:
        prefix: What the names of its keys begin with.
    """

    def __init__(self, prefix: str = "") -> None:
        self._redis = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
        self._keys = {name: prefix + name for name in KEYS}

    def handle(self, event: Event) -> None:
        """Let the view show *event*, which may come in any order and any number of times."""
        self.handle_all([event])

    def handle_all(
        self, events: list[Event], moves: tuple[str | None, str] | None = None
    ) -> list[OrderState]:
        """
        Let the view show *events*, and move the checkpoint from one position to another, at a stroke.

        Gives the orders that they belong to, as they are then.

        Raises:
            Moved: The checkpoint is at another position; nothing was written.
        """
        by_order: dict[str, list[Event]] = {}
        for event in events:
            by_order.setdefault(event.order_id, []).append(event)
        orders: list[Record] = []

        def write(pipe: Any) -> None:
            if moves and pipe.get(self._keys["checkpoint"]) != moves[0]:
                raise Moved
            texts = pipe.hmget(self._keys["orders"], by_order) if by_order else []
            before = list(map(Record.of, texts))
            orders[:] = [old.with_events(by_order[id_]) for old, id_ in zip(before, by_order, strict=True)]
            pipe.multi()
            for order_id, old, new in zip(by_order, before, orders, strict=True):
                self._put(pipe, order_id, old, new)
            if moves:
                pipe.set(self._keys["checkpoint"], moves[1])

        self._redis.transaction(write, self._keys["orders"], self._keys["checkpoint"])
        return [order.state for order in orders]

    def _put(self, pipe: Any, order_id: str, old: "Record", new: "Record") -> None:
        """Write what has become of an order, and where it is found."""
        if new == old:
            return
        pipe.hset(self._keys["orders"], order_id, new.as_text())
        for index, field in (("by_customer", "customer_id"), ("by_status", "status")):
            was, is_ = getattr(old.state, field), getattr(new.state, field)
            if new.state.version and (was != is_ or not old.state.version):
                pipe.zrem(self._keys[index], member(was, order_id))
                pipe.zadd(self._keys[index], {member(is_, order_id): 0})

    def order(self, order_id: str) -> OrderState | None:
        """The order, `None` if the view knows nothing of it."""
        state = Record.of(self._redis.hget(self._keys["orders"], order_id)).state
        return state if state.version else None

    def orders(self) -> list[OrderState]:
        """All orders."""
        found = (Record.of(text).state for text in self._redis.hvals(self._keys["orders"]))
        return [state for state in found if state.version]

    def orders_of(self, customer_id: str) -> list[str]:
        """The ids of a customer's orders."""
        return self._members("by_customer", customer_id)

    def orders_with(self, status: str) -> list[str]:
        """The ids of the orders that have this status."""
        return self._members("by_status", status)

    def _members(self, index: str, value: str) -> list[str]:
        # All scores are 0, so members are ordered by their bytes, and those of one value stand together.
        start = member(value, "").removesuffix('"]').encode()
        found = self._redis.zrange(self._keys[index], b"[" + start, b"(" + start + b"\xff", bylex=True)
        return [json.loads(one)[1] for one in found]

    def wait_for(self, order_id: str, version: int, timeout_s: float) -> bool:
        """Wait until the view shows *order_id* at *version* or a later one; whether it does."""
        until = time.monotonic() + timeout_s
        while True:
            state = self.order(order_id)
            if state is not None and state.version >= version:
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(POLL_S)

    def checkpoint(self) -> str | None:
        """The position in the stream up to which the view shows everything, `None` if there is none."""
        return self._redis.get(self._keys["checkpoint"])

    def keep_for(self, seconds: int) -> None:
        """Let Redis forget it after *seconds*."""
        for key in self._keys.values():
            self._redis.expire(key, seconds)

    def take_the_place_of(self, other: "OrderView", moves: tuple[str | None, str]) -> None:
        """
        Become what *other* is, whose checkpoint moves from one position to another, at a stroke.

        Raises:
            Moved: The checkpoint is at another position; nothing was written.
        """

        def write(pipe: Any) -> None:
            if pipe.get(other._keys["checkpoint"]) != moves[0]:
                raise Moved
            made = [name for name in KEYS if pipe.exists(self._keys[name])]
            pipe.multi()
            pipe.delete(*other._keys.values())
            for name in made:
                pipe.rename(self._keys[name], other._keys[name])
                pipe.persist(other._keys[name])
            pipe.set(other._keys["checkpoint"], moves[1])

        self._redis.transaction(write, other._keys["checkpoint"])


class Projector:
    """
    Takes changes from the stream and shows them in the read models.

    Args:
        search: The search read model to feed as well; without one only Redis is used.
    """

    def __init__(self, search: "ItemSearch | None" = None) -> None:
        self._store = EventStore()
        self._stream = STREAM()
        self._view = OrderView()
        self._search = search

    def run_once(self, wait_s: float = 0.0) -> int:
        """Show what came next; how many changes that were, 0 if there were none within *wait_s* seconds."""
        checkpoint = self._view.checkpoint()
        if checkpoint is None:
            self.rebuild()
            checkpoint = self._view.checkpoint()
        try:
            items, position = self._stream.read(checkpoint, wait_s=wait_s)
        except PositionLost:
            self.rebuild()
            return 1
        if items:
            # Moved: somebody else has shown them, or Redis is empty again. The next call goes on from there.
            with suppress(Moved):
                self._show(self._events(items), (checkpoint, position))
        return len(items)

    def rebuild(self) -> None:
        """Make the read models anew from all events that there are; what they show meanwhile stays whole."""
        position = self._stream.end()  # before the table is read: what is put meanwhile comes again
        made = OrderView(f"rebuild:{uuid4().hex}:")
        for items in whole_table():
            made.handle_all(self._events(items))
            made.keep_for(ABANDONED_S)
        if self._search is not None:
            self._search.show_only(made.orders())
        while True:
            # What others have shown by now is to be in it, lest the view go back.
            before = self._view.checkpoint()
            position = self._catch_up(made, position)
            with suppress(Moved):
                return made.take_the_place_of(self._view, (before, position))

    def _catch_up(self, made: OrderView, position: str) -> str:
        items, position = self._stream.read(position, wait_s=0.05)
        while items:
            made.handle_all(self._events(items))
            items, position = self._stream.read(position)
        return position

    def _show(self, events: list[Event], moves: tuple[str | None, str]) -> None:
        if self._search is None:
            self._view.handle_all(events, moves)
            return
        # The index takes no part in Redis' transaction: the checkpoint comes last. What is shown again after
        # a crash changes nothing, as documents have versions.
        for state in self._view.handle_all(events):
            self._search.show(state)
        self._view.handle_all([], moves)

    def _events(self, items: list[Item]) -> list[Event]:
        return [event for item in items for event in self._store.events_in(item)]


class ItemSearch:
    """Orders found by the words in the ids of their items, in the search index; answers are kept in Redis."""

    def __init__(self) -> None:
        self._index = SearchIndex("orders")
        self._redis = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)

    def show(self, order: OrderState) -> None:
        """Let *order* be found by its items, unless a newer state of it is."""
        document = {"order_id": order.order_id, "items": list(order.items)}
        self._index.put(str(order.order_id), document, version=order.version)

    def show_only(self, orders: list[OrderState]) -> None:
        """Let *orders* be found, and no others."""
        self._index.clear()
        for order in orders:
            self.show(order)

    def find(self, text: str) -> list[str]:
        """The ids of the orders whose items' ids hold every word of *text*; up to `KEPT_S` old."""
        key = f"find:{text}"
        kept = self._redis.get(key)
        if kept is None:
            found = [document["order_id"] for document in self._index.search(text, field="items", size=1000)]
            kept = json.dumps(found)
            self._redis.set(key, kept, px=int(KEPT_S * 1000))
        return json.loads(kept)


@dataclass(frozen=True)
class Record:
    """What is kept of an order: its state, and the events that came too early, by version."""

    state: OrderState
    early: dict[int, Event]

    @classmethod
    def of(cls, text: str | None) -> "Record":
        """The record in *text*, as `as_text` made it; that of a new order if there is none."""
        if text is None:
            return cls(OrderState(), {})
        kept = json.loads(text)
        events = [EVENT_TYPES[name].model_validate(fields) for name, fields in kept["early"]]
        return cls(OrderState.model_validate(kept["state"]), {event.version: event for event in events})

    def as_text(self) -> str:
        """As JSON."""
        early = [(type(event).__name__, event.model_dump(mode="json")) for event in self.early.values()]
        return json.dumps({"state": self.state.model_dump(mode="json"), "early": early})

    def with_events(self, events: list[Event]) -> "Record":
        """The order after those of *events*, and of the early ones, that follow one another."""
        version, order = self.state.version, Order(self.state)
        early = self.early | {event.version: event for event in events if event.version > version}
        while event := early.pop(version + 1, None):
            with suppress(OrderRuleBroken):  # what cannot have happened counts, and changes nothing
                order.apply_event(event)
            version += 1
        return Record(order.get_state().model_copy(update={"version": version}), early)


def member(value: str | None, order_id: str) -> str:
    """What says in an index that an order has *value*; in ASCII, so that bytes and characters are one."""
    return json.dumps([value, order_id])
