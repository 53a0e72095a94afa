"""
The model answer to lab 3: an order that is what its events made of it.

No clock, no random number, no database: the same events give the same order, today and in a year.
"""

from labs.lab3.errors import OrderRuleBroken
from labs.lab3.events import Event, ItemAdded, OrderConfirmed, OrderCreated, OrderState


class Order:
    """
    An order, rebuilt by applying its events one after the other.

    Args:
        state: What it is to go on from, such as a snapshot; a new order if left out.
    """

    def __init__(self, state: OrderState | None = None) -> None:
        self._state = OrderState() if state is None else state.model_copy(deep=True)

    def get_state(self) -> OrderState:
        """The order as it is now; what the caller does to it does not reach the order."""
        return self._state.model_copy(deep=True)  # frozen, but the dict inside is not

    def apply_event(self, event: Event) -> None:
        """Let *event* happen to the order, or raise `OrderRuleBroken` and leave the order as it was."""
        # The new state is made whole before it takes the old one's place, so that an error on the way
        # changes nothing. Checking every rule before the first assignment is as good.
        changes = self._changes(event)
        version = self._state.version + 1 if event.version is None else event.version
        self._state = self._state.model_copy(update={**changes, "version": version})

    def _changes(self, event: Event) -> dict[str, object]:
        if isinstance(event, OrderCreated):
            return self._created(event)
        if isinstance(event, ItemAdded):
            return self._item_added(event)
        if isinstance(event, OrderConfirmed):
            return self._confirmed(event)
        raise OrderRuleBroken(f"an order knows no {type(event).__name__}")

    def _created(self, event: OrderCreated) -> dict[str, object]:
        if self._state.status != "new":
            raise OrderRuleBroken(f"order {self._state.order_id} was created already")
        return {"order_id": event.order_id, "customer_id": event.customer_id, "status": "created"}

    def _item_added(self, event: ItemAdded) -> dict[str, object]:
        self._must_be_open(event.order_id)
        if event.quantity <= 0:
            raise OrderRuleBroken(f"{event.quantity} of item {event.item_id} cannot be added")
        items = self._state.items
        return {"items": {**items, event.item_id: items.get(event.item_id, 0) + event.quantity}}

    def _confirmed(self, event: OrderConfirmed) -> dict[str, object]:
        self._must_be_open(event.order_id)
        return {"status": "confirmed", "total_amount": event.total_amount}

    def _must_be_open(self, order_id: str) -> None:
        """Created and not yet confirmed, and the very order that the event is about."""
        if self._state.status != "created":
            raise OrderRuleBroken(f"order {order_id} is {self._state.status}: it cannot be changed")
        if order_id != self._state.order_id:
            raise OrderRuleBroken(f"this is order {self._state.order_id}, the event is about {order_id}")
