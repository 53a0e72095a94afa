"""An order in a plain dict, checked first and changed afterwards."""

from labs.lab3.errors import OrderRuleBroken
from labs.lab3.events import ItemAdded, OrderConfirmed, OrderCreated, OrderState


class Order:
    def __init__(self):
        self.data = {"items": {}, "status": "new", "version": 0}

    def apply_event(self, event):
        self.check(event)
        if isinstance(event, OrderCreated):
            self.data.update(order_id=event.order_id, customer_id=event.customer_id, status="created")
        elif isinstance(event, ItemAdded):
            self.data["items"].setdefault(event.item_id, 0)
            self.data["items"][event.item_id] += event.quantity
        else:
            self.data.update(status="confirmed", total_amount=event.total_amount)
        self.data["version"] = self.data["version"] + 1 if event.version is None else event.version

    def check(self, event):
        needed = {OrderCreated: "new", ItemAdded: "created", OrderConfirmed: "created"}.get(type(event))
        if needed is None or self.data["status"] != needed:
            raise OrderRuleBroken(
                f"{type(event).__name__} cannot happen while the order is {self.data['status']}"
            )
        if needed == "created" and event.order_id != self.data["order_id"]:
            raise OrderRuleBroken(f"the event belongs to order {event.order_id}")
        if isinstance(event, ItemAdded) and event.quantity < 1:
            raise OrderRuleBroken(f"quantity {event.quantity}")

    def get_state(self):
        return OrderState(**{**self.data, "items": dict(self.data["items"])})
