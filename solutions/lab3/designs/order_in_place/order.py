"""An order that changes with every event."""

from labs.lab3.errors import OrderRuleBroken
from labs.lab3.events import ItemAdded, OrderConfirmed, OrderCreated, OrderState


class Order:
    def __init__(self):
        self.order_id = self.customer_id = self.total_amount = None
        self.status, self.items, self.version = "new", {}, 0

    def apply_event(self, event):
        if isinstance(event, OrderCreated):
            self.need("new")
            self.order_id, self.customer_id, self.status = event.order_id, event.customer_id, "created"
        elif isinstance(event, ItemAdded):
            self.need("created", event.order_id)
            if event.quantity <= 0:
                raise OrderRuleBroken("a quantity must be positive")
            self.items[event.item_id] = self.items.get(event.item_id, 0) + event.quantity
        elif isinstance(event, OrderConfirmed):
            self.need("created", event.order_id)
            self.total_amount, self.status = event.total_amount, "confirmed"
        self.version = event.version or self.version + 1

    def need(self, status, order_id=None):
        if self.status != status or order_id not in (None, self.order_id):
            raise OrderRuleBroken(f"impossible: order {self.order_id} is {self.status}")

    def get_state(self):
        return OrderState(
            order_id=self.order_id,
            customer_id=self.customer_id,
            status=self.status,
            items=dict(self.items),
            total_amount=self.total_amount,
            version=self.version,
        )
