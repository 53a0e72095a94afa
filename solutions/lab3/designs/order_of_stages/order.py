"""The state pattern: what may happen next is a question to the object that the order now is."""

from typing import ClassVar

from labs.lab3.errors import OrderRuleBroken
from labs.lab3.events import ItemAdded, OrderConfirmed, OrderCreated, OrderState


class Stage:
    handlers: ClassVar = {}

    def __init__(self, **facts):
        self.facts = facts

    def after(self, event):
        handler = self.handlers.get(type(event))
        if handler is None:
            raise OrderRuleBroken(f"{type(event).__name__} is impossible for an order that is {self.status}")
        return handler(self, event)


class New(Stage):
    status = "new"

    def created(self, event):
        return Created(order_id=event.order_id, customer_id=event.customer_id, items={})

    handlers: ClassVar = {OrderCreated: created}


class Created(Stage):
    status = "created"

    def item_added(self, event):
        self.same_order(event)
        if not event.quantity > 0:
            raise OrderRuleBroken("only a positive quantity can be added")
        items = dict(self.facts["items"])
        items[event.item_id] = items.get(event.item_id, 0) + event.quantity
        return Created(**{**self.facts, "items": items})

    def confirmed(self, event):
        self.same_order(event)
        return Confirmed(**self.facts, total_amount=event.total_amount)

    def same_order(self, event):
        if event.order_id != self.facts["order_id"]:
            raise OrderRuleBroken(f"{event.order_id} is not {self.facts['order_id']}")

    handlers: ClassVar = {ItemAdded: item_added, OrderConfirmed: confirmed}


class Confirmed(Stage):
    status = "confirmed"


class Order:
    def __init__(self):
        self.stage, self.version = New(), 0

    def apply_event(self, event):
        self.stage = self.stage.after(event)
        self.version = event.version or self.version + 1

    def get_state(self):
        facts = dict(self.stage.facts)
        facts["items"] = dict(facts.get("items", {}))
        return OrderState(**facts, status=self.stage.status, version=self.version)
