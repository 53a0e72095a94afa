"""What the store's index on time gives, and the events behind it."""

from labs.lab3.events import OrderState
from labs.lab3.order import Order


class TemporalQueryService:
    def __init__(self, event_store):
        self.store = event_store

    def get_order_state_at_time(self, order_id, timestamp):
        stream = f"order-{order_id}"
        version, found = self.store.snapshot_at(stream, timestamp) or (0, None)
        order = Order(OrderState(**found["order"])) if found else Order()
        for event in self.store.get_events_around(stream, version + 1, timestamp):
            order.apply_event(event)
        return order.get_state()


def basket_at(events, at, known_at=None):
    raise NotImplementedError
