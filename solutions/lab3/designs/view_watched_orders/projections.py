"""Orders in Redis, a key for each: its events. Written under WATCH, the position afterwards."""

import json
import os
import time
from contextlib import suppress

import redis

from labs.lab3.errors import OrderRuleBroken
from labs.lab3.event_store import EventStore
from labs.lab3.events import EVENT_TYPES
from labs.lab3.order import Order
from labs.lab3.search_index import SearchIndex
from labs.lab3.streams import DynamoDBStream, PositionLost, whole_table

STREAM = DynamoDBStream


class OrderView:
    def __init__(self, prefix="view:"):
        self.prefix = prefix
        self.redis = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)

    def key(self, *parts):
        return self.prefix + json.dumps(parts)

    def handle(self, event):
        key = self.key("order", event.order_id)
        with self.redis.pipeline() as pipe:
            while True:
                try:
                    pipe.watch(key)
                    kept = pipe.get(key)
                    old = json.loads(kept) if kept else {"applied": [], "early": {}}
                    new = self.changed(old, event)
                    pipe.multi()
                    if new != old:
                        self.write(pipe, event.order_id, old, new)
                    pipe.execute()
                    break
                except redis.WatchError:
                    continue

    def changed(self, old, event):
        applied, early = list(old["applied"]), dict(old["early"])
        if event.version > len(applied):
            early[str(event.version)] = [type(event).__name__, event.model_dump(mode="json")]
        while str(len(applied) + 1) in early:
            applied.append(early.pop(str(len(applied) + 1)))
        return {"applied": applied, "early": early}

    def write(self, pipe, order_id, old, new):
        pipe.set(self.key("order", order_id), json.dumps(new))
        before, after = state_of(old), state_of(new)
        if after is None:
            return
        pipe.srem(self.key("status", before and before.status), order_id)
        pipe.sadd(self.key("status", after.status), order_id)
        pipe.sadd(self.key("customer", after.customer_id), order_id)

    def order(self, order_id):
        kept = self.redis.get(self.key("order", order_id))
        return state_of(json.loads(kept)) if kept else None

    def orders_of(self, customer_id):
        return list(self.redis.smembers(self.key("customer", customer_id)))

    def orders_with(self, status):
        return list(self.redis.smembers(self.key("status", status)))

    def wait_for(self, order_id, version, timeout_s):
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            state = self.order(order_id)
            if state and state.version >= version:
                return True
            time.sleep(0.01)
        return False

    def position(self):
        return self.redis.get(self.key("position"))

    def become(self, other, position):
        """Take the place of *other*."""
        with self.redis.pipeline() as pipe:
            for key in self.redis.scan_iter(glob(other.prefix)):
                pipe.delete(key)
            for key in self.redis.scan_iter(glob(self.prefix)):
                pipe.rename(key, other.prefix + key.removeprefix(self.prefix))
            pipe.set(other.key("position"), position)
            pipe.execute()

    def clear(self):
        for key in self.redis.scan_iter(glob(self.prefix)):
            self.redis.delete(key)


class Projector:
    def __init__(self, search=None):
        self.store = EventStore()
        self.stream = STREAM()
        self.view = OrderView()
        self.search = search

    def run_once(self, wait_s=0.0):
        position = self.view.position()
        if position is None:
            self.rebuild()
            position = self.view.position()
        try:
            items, next_position = self.stream.read(position, wait_s=wait_s)
        except PositionLost:
            self.rebuild()
            return 1
        for item in items:
            self.show(self.view, item)
        if items:
            self.keep(position, next_position)
        return len(items)

    def keep(self, position, next_position):
        """Keep the next position, if nobody has moved it and Redis has not been emptied meanwhile."""
        key = self.view.key("position")
        with self.view.redis.pipeline() as pipe:
            try:
                pipe.watch(key)
                if pipe.get(key) == position:
                    pipe.multi()
                    pipe.set(key, next_position)
                    pipe.execute()
            except redis.WatchError:
                pass

    def show(self, view, item):
        for event in self.store.events_in(item):
            view.handle(event)
            if self.search:
                self.search.put(view.order(event.order_id))

    def rebuild(self):
        new = OrderView("new:")
        new.clear()
        if self.search:
            self.search.index.clear()
        position = self.stream.end()
        for items in whole_table():
            for item in items:
                self.show(new, item)
        items, position = self.stream.read(position)
        while items:
            for item in items:
                self.show(new, item)
            items, position = self.stream.read(position)
        new.become(self.view, position)


class ItemSearch:
    def __init__(self):
        self.index = SearchIndex("orders-by-item")
        self.cache = {}

    def put(self, order):
        if order:
            document = {"order": order.order_id, "items": " ".join(order.items)}
            self.index.put(order.order_id, document, version=order.version)

    def find(self, text):
        answer, until = self.cache.get(text, ([], 0.0))
        if time.monotonic() >= until:
            answer = [document["order"] for document in self.index.search(text, field="items", size=500)]
            self.cache[text] = answer, time.monotonic() + 1.2
        return list(answer)


def state_of(kept):
    order, version = Order(), 0
    for name, fields in kept["applied"]:
        version += 1
        with suppress(OrderRuleBroken):
            order.apply_event(EVENT_TYPES[name](**fields))
    return order.get_state().model_copy(update={"version": version}) if version else None


def glob(prefix):
    return prefix.replace("[", "\\[") + "*"
