"""An order as a fold: a pure function of state and event for each kind of event."""

from functools import singledispatch

from labs.lab3.errors import OrderRuleBroken
from labs.lab3.events import ItemAdded, OrderConfirmed, OrderCreated, OrderState


@singledispatch
def evolve(event, state):
    raise OrderRuleBroken(f"nothing is known of {event!r}")


@evolve.register
def _(event: OrderCreated, state):
    require(state.status == "new", "the order exists already")
    return {"order_id": event.order_id, "customer_id": event.customer_id, "status": "created"}


@evolve.register
def _(event: ItemAdded, state):
    require(state.status == "created", f"items cannot be added to an order that is {state.status}")
    require(event.order_id == state.order_id, "that is another order's item")
    require(event.quantity > 0, "a quantity is 1 or more")
    return {"items": state.items | {event.item_id: state.items.get(event.item_id, 0) + event.quantity}}


@evolve.register
def _(event: OrderConfirmed, state):
    require(state.status == "created", f"an order that is {state.status} cannot be confirmed")
    require(event.order_id == state.order_id, "that is another order's confirmation")
    return {"status": "confirmed", "total_amount": event.total_amount}


def require(condition, otherwise):
    if not condition:
        raise OrderRuleBroken(otherwise)


class Order:
    def __init__(self):
        self.state = OrderState()

    def apply_event(self, event):
        changes = evolve(event, self.state)
        version = event.version if event.version is not None else self.state.version + 1
        self.state = OrderState(**{**self.state.model_dump(), **changes, "version": version})

    def get_state(self):
        return OrderState(**self.state.model_dump())
