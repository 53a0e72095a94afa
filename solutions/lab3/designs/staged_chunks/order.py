"""An order keeps its events and makes its state of them when it is asked."""

from labs.lab3.errors import OrderRuleBroken
from labs.lab3.events import ItemAdded, OrderConfirmed, OrderCreated, OrderState


class Order:
    def __init__(self):
        self.events = []
        self.version = 0

    def apply_event(self, event):
        kinds = [type(earlier) for earlier in self.events]
        if not isinstance(event, OrderCreated | ItemAdded | OrderConfirmed):
            raise OrderRuleBroken(f"unknown event {event}")
        if isinstance(event, OrderCreated) == (OrderCreated in kinds):
            raise OrderRuleBroken("an order is created once, and first")
        if OrderConfirmed in kinds:
            raise OrderRuleBroken("the order is confirmed, nothing changes any more")
        if self.events and event.order_id != self.events[0].order_id:
            raise OrderRuleBroken("the event is about another order")
        if isinstance(event, ItemAdded) and event.quantity <= 0:
            raise OrderRuleBroken("nothing or less than nothing cannot be added")
        self.events.append(event)
        self.version = event.version if event.version is not None else self.version + 1

    def get_state(self):
        facts = {"version": self.version, "items": {}}
        for event in self.events:
            match event:
                case OrderCreated():
                    facts |= {"order_id": event.order_id, "customer_id": event.customer_id}
                    facts["status"] = "created"
                case ItemAdded():
                    facts["items"][event.item_id] = facts["items"].get(event.item_id, 0) + event.quantity
                case OrderConfirmed():
                    facts |= {"status": "confirmed", "total_amount": event.total_amount}
        return OrderState(**facts)
