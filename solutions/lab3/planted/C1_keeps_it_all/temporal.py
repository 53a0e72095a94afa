"""
The model answer to lab 3: an order as it was, from the newest snapshot that is not too new, and its tail.

Who takes snapshots: the service, while it answers. Each time that it has applied 500 events in a row it
keeps the order and the time of the latest event in it. So the first question about an order may read
its whole life, and any later one, in any process, reads one snapshot and the events up to the next.

Clocks differ. A snapshot serves an instant only if *nothing* in it is later, not just its last event;
and the first later event is not the end, for one behind it may be earlier, by an hour at most.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from labs.lab3.errors import OrderRuleBroken
from labs.lab3.event_store import EventStore
from labs.lab3.events import Event, OrderState
from labs.lab3.order import Order
from labs.lab3.pricing import Basket, HoldKept, ItemHeld, PriceSet

EVERY = 500  # events from one snapshot to the next
CLOCKS_DIFFER = timedelta(hours=1)  # by no more, so the README
HELD = timedelta(hours=24)


class TemporalQueryService:
    """What orders were at any instant, from the events in *event_store*."""

    def __init__(self, event_store: EventStore) -> None:
        self._store = event_store
        self._lives: dict[str, list[Event]] = {}

    def get_order_state_at_time(self, order_id: str, timestamp: datetime) -> OrderState:
        """The order after all its events with `occurred_at <= timestamp`, in the order of their versions."""
        replay = Replay(self._store, f"order-{order_id}", timestamp)
        known = self._lives.setdefault(replay.stream, [])
        known += self._store.get_events(replay.stream, len(known))
        for event in known[replay.version :]:
            if event.occurred_at <= timestamp:
                replay.apply(event)
        return replay.order.get_state()


class Replay:
    """An order on its way to an instant, from the snapshot on that serves it."""

    def __init__(self, store: EventStore, stream: str, timestamp: datetime) -> None:
        self._store, self.stream = store, stream
        self.version, saved = store.get_snapshot_at(stream, timestamp) or (0, {})
        self.order = Order(OrderState.model_validate(saved["order"])) if saved else Order()
        self._latest = datetime.fromisoformat(saved["latest"]) if saved else None
        self._saved = self.version

    def apply(self, event: Event) -> None:
        """Let *event* happen to the order, and take a snapshot when it is time."""
        self.order.apply_event(event)
        # Where a version was left out, being later than the instant, this is no longer the order that
        # its first n events come to, and must not be kept as such.
        if event.version == self.version + 1:
            self.version += 1
            self._latest = max(self._latest or event.occurred_at, event.occurred_at)
            if self.version - self._saved == EVERY:
                self._keep()

    def _keep(self) -> None:
        state: dict[str, Any] = {
            "order": self.order.get_state().model_dump(mode="json"),
            "latest": self._latest.isoformat(),
        }
        self._store.save_snapshot(self.stream, self.version, state, self._latest)
        self._saved = self.version


# --- the challenge -------------------------------------------------------------------------------------


def basket_at(events: Sequence[Event], at: datetime, known_at: datetime | None = None) -> Basket:
    """What was in the basket at the instant *at*, and what it cost, by what was known at *known_at*."""
    known = [event for event in events if known_at is None or event.occurred_at <= known_at]
    held = [event for event in known if isinstance(event, ItemHeld) and event.occurred_at <= at]
    items: dict[str, int] = {}
    total_cents = 0
    for hold in held:
        if at < hold.occurred_at + HELD or is_kept(hold, known):
            items[hold.item_id] = items.get(hold.item_id, 0) + hold.quantity
            total_cents += hold.quantity * price(hold, known)
    return Basket(items=items, total_cents=total_cents)


def is_kept(hold: ItemHeld, known: Sequence[Event]) -> bool:
    """Whether the customer said so before *hold* lapsed; what comes later revives nothing."""
    return any(
        hold.occurred_at <= event.occurred_at < hold.occurred_at + HELD
        for event in known
        if isinstance(event, HoldKept) and event.hold_id == hold.hold_id
    )


def price(hold: ItemHeld, known: Sequence[Event]) -> int:
    """
    What a piece cost at the moment when it was held, in cents.

    By `valid_from`, not by when it was decided; of two from the same instant the one stored later, which
    corrects the other.
    """
    in_force = [
        event
        for event in known
        if isinstance(event, PriceSet)
        and event.item_id == hold.item_id
        and event.valid_from <= hold.occurred_at
    ]
    if not in_force:
        raise OrderRuleBroken(f"{hold.item_id} had no price when it was held")
    return max(reversed(in_force), key=lambda event: event.valid_from).cents  # max takes the first of equals
