"""Snapshots where questions ended; the right one by bisection."""

from datetime import datetime, timedelta

from labs.lab3.events import OrderState
from labs.lab3.order import Order

MANY = 300


class TemporalQueryService:
    def __init__(self, event_store):
        self.store = event_store

    def get_order_state_at_time(self, order_id, timestamp):
        stream = f"order-{order_id}"
        version, found = self.newest(stream, timestamp) or (0, None)
        order = Order(OrderState(**found["state"])) if found else Order()
        horizon = datetime.fromisoformat(found["horizon"]) if found else None
        whole, before = True, version
        for event in self.store.walk(stream, version, page_size=100):
            if event.occurred_at > timestamp:
                if whole and version - before > MANY:
                    self.save(stream, version, order, horizon)
                whole = False
                if event.occurred_at - timestamp > timedelta(hours=1):
                    break
                continue
            order.apply_event(event)
            if whole:
                version, horizon = event.version, max(horizon or event.occurred_at, event.occurred_at)
        if whole and version - before > MANY:
            self.save(stream, version, order, horizon)
        return order.get_state()

    def save(self, stream, version, order, horizon):
        state = order.get_state().model_dump(mode="json")
        self.store.save_snapshot(stream, version, {"state": state, "horizon": horizon.isoformat()})

    def newest(self, stream, timestamp):
        best, low, high = None, 1, None
        while high is None or low <= high:
            middle = None if high is None else (low + high) // 2
            found = self.store.get_snapshot(stream, middle)
            if found is None:
                if middle is None:
                    return None
                low = middle + 1
            elif datetime.fromisoformat(found[1]["horizon"]) <= timestamp:
                if middle is None:
                    return found
                best, low = found, middle + 1
            else:
                high = found[0] - 1
        return best


def basket_at(events, at, known_at=None):
    raise NotImplementedError
