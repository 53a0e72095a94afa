"""An order is read anew from the event store whenever something of it comes; a Lua script lets news in."""

import os
import time
import uuid

import redis

from labs.lab3.errors import OrderRuleBroken
from labs.lab3.event_store import EventStore
from labs.lab3.events import OrderState
from labs.lab3.order import Order
from labs.lab3.search_index import SearchIndex
from labs.lab3.streams import DynamoDBStream, PositionLost, whole_table

STREAM = DynamoDBStream

# All of a read model is one hash: `o:<order>` -> "<version> <state>", and `position`. What a rebuild has made
# lies in another hash; the name of the one that counts is in the key `which`.
PUT = """
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old and tonumber(string.match(old, '^%d+')) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""
ALL = "return redis.call('HVALS', redis.call('GET', KEYS[1]) or '')"
ONE = "return redis.call('HGET', redis.call('GET', KEYS[1]) or '', ARGV[1])"
MOVE = """
if redis.call('HGET', KEYS[1], 'position') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'position', ARGV[2])
return 1
"""


class OrderView:
    def __init__(self, name=None):
        self._redis = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
        self._store = EventStore()
        self._name = name
        self._put, self._all, self._one = map(self._redis.register_script, (PUT, ALL, ONE))

    def _hash(self):
        return self._name or self._redis.get("which") or "view:first"

    def handle(self, event):
        state = self.read(event.order_id)
        if self._name is None:
            self._redis.set("which", "view:first", nx=True)
        value = f"{state.version} {state.model_dump_json()}"
        self._put(keys=[self._hash()], args=[f"o:{event.order_id}", state.version, value])
        return state

    def read(self, order_id):
        order, version = Order(), 0
        for event in self._store.get_events(f"order-{order_id}"):
            version = event.version
            try:
                order.apply_event(event)
            except OrderRuleBroken:
                continue
        return order.get_state().model_copy(update={"version": version})

    def order(self, order_id):
        value = self._one(keys=["which"], args=[f"o:{order_id}"])
        return _state(value) if value else None

    def _states(self):
        return [_state(value) for value in self._all(keys=["which"]) if value[0].isdigit()]

    def orders_of(self, customer_id):
        return [state.order_id for state in self._states() if state.customer_id == customer_id]

    def orders_with(self, status):
        return [state.order_id for state in self._states() if state.status == status]

    def wait_for(self, order_id, version, timeout_s):
        end = time.monotonic() + timeout_s
        while True:
            state = self.order(order_id)
            if state is not None and state.version >= version:
                return True
            if time.monotonic() > end:
                return False
            time.sleep(0.02)


def _state(value):
    return OrderState.model_validate_json(value.partition(" ")[2])


class Projector:
    def __init__(self, search=None):
        self._store, self._stream, self._search = EventStore(), STREAM(), search
        self._redis = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
        self._move = self._redis.register_script(MOVE)

    def run_once(self, wait_s=0.0):
        name = self._redis.get("which")
        position = self._redis.hget(name, "position") if name else None
        if position is None:
            self.rebuild()
            return self.run_once(wait_s)
        try:
            items, following = self._stream.read(position, wait_s=wait_s)
        except PositionLost:
            self.rebuild()
            return 1
        self._show(OrderView(name), items)
        if items:
            self._move(keys=[name], args=[position, following])
        return len(items)

    def _show(self, view, items):
        events = {event.order_id: event for item in items for event in self._store.events_in(item)}
        for event in events.values():
            state = view.handle(event)
            if self._search is not None:
                self._search.put(state)

    def rebuild(self):
        before, name = self._redis.get("which"), f"view:{uuid.uuid4()}"
        position = self._stream.end()
        made = OrderView(name)
        if self._search is not None:
            self._search._index.clear()
        for items in whole_table():
            self._show(made, items)
        items, position = self._stream.read(position)
        while items:
            self._show(made, items)
            items, position = self._stream.read(position)
        with self._redis.pipeline() as pipe:
            pipe.hset(name, "position", position)
            pipe.set("which", name)
            pipe.execute()
        if before:
            self._redis.delete(before)


class ItemSearch:
    def __init__(self):
        self._index = SearchIndex("items")
        self._redis = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)

    def put(self, state):
        if state.order_id:
            self._index.put(
                state.order_id, {"id": state.order_id, "words": list(state.items)}, version=state.version
            )
            self._index.refresh()

    def find(self, text):
        kept = self._redis.hgetall(f"found:{text}")
        if not kept:
            found = self._index.search(text, field="words", size=1000)
            kept = {"none": ""} | {document["id"]: "1" for document in found}
            with self._redis.pipeline() as pipe:
                pipe.hset(f"found:{text}", mapping=kept)
                pipe.expire(f"found:{text}", 2)
                pipe.execute()
        return [order_id for order_id, mark in kept.items() if mark]
