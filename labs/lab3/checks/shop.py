"""Don't change this file: a shop whose orders are stored and projected, and what must hold of its views."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from labs.lab3.checks.checking import DEADLINE_S
from labs.lab3.events import Event, ItemAdded, OrderConfirmed, OrderCreated, OrderState
from pytest_labkit import differing, expect
from pytest_labkit.checks.calls import Background

if TYPE_CHECKING:
    from labs.lab3.streams import DynamoDBStream

STATUSES = ("created", "confirmed")


def changed(state: OrderState, event: Event) -> OrderState:
    """*state* after *event*; one that cannot have happened counts, and changes nothing else."""
    return state.model_copy(update={**_changes(state, event), "version": state.version + 1})


def _changes(state: OrderState, event: Event) -> dict[str, Any]:
    if isinstance(event, OrderCreated) and state.status == "new":
        return {"order_id": event.order_id, "customer_id": event.customer_id, "status": "created"}
    if state.status != "created":
        return {}
    if isinstance(event, ItemAdded) and event.quantity > 0:
        return {
            "items": {**state.items, event.item_id: state.items.get(event.item_id, 0) + event.quantity},
        }
    if isinstance(event, OrderConfirmed):
        return {"status": "confirmed", "total_amount": event.total_amount}
    return {}


class Shop:
    """
    Orders that are appended through the student's store, and the student's views of them.

    The kit knows what was appended, so it knows each state that an order has had.

    Args:
        answers: The door to the student's code.
        table: The table `event-store`.
        source: Where the student's projector hears of the table's changes.
        delivery_s: Within which what is in the stream can be read.
    """

    def __init__(
        self,
        answers: Any,
        table: Any,
        source: Any,
        delivery_s: float,
    ) -> None:
        self._answers = answers
        self._delivery_s = delivery_s
        self._source = source
        self.table = table
        self.store = answers.event_store.EventStore()
        self.events: dict[str, list[Event]] = {}

    def open_stream(self) -> None:
        """From now on the changes of the table are in the stream."""
        self._source.open()

    def cut_off(self) -> None:
        """All that is in the stream is gone from it."""
        self._source.cut_off()

    def append(self, order_id: str, *events: Event, store: Any = None) -> None:
        """Append *events* to the stream of the order."""
        known = self.events.setdefault(order_id, [])
        version = len(known)
        known.extend(events)  # before: they may be shown before the call returns
        (store or self.store).append_events(f"order-{order_id}", version, list(events))

    def stored(self, order_id: str) -> list[Event]:
        """The events of an order with their versions, as the store gives them."""
        return [event.model_copy(update={"version": v}) for v, event in enumerate(self.events[order_id], 1)]

    def states(self, order_id: str) -> list[OrderState]:
        """Every state that the order has had, by version; the first is that before it was created."""
        return list(accumulate(self.events.get(order_id, []), changed, initial=OrderState()))

    def view(self) -> Any:
        """A new `OrderView()`."""
        return self._answers.projections.OrderView()

    def projector(self) -> Any:
        """A new `Projector()`."""
        return self._answers.projections.Projector()

    def search(self) -> Any:
        """A new `ItemSearch()`."""
        return self._answers.projections.ItemSearch()

    def projector_with(self, search: Any) -> Any:
        """A new `Projector(search)`."""
        return self._answers.projections.Projector(search)

    def another_process(self) -> Any:
        """The same answers in another process."""
        return self._answers.another_process()

    def stream_of_the_table(self) -> DynamoDBStream:
        """A reader of the table's own stream, whatever the student has chosen."""
        from labs.lab3.streams import DynamoDBStream  # 0.2 s for boto3, which part A may do without

        return DynamoDBStream()

    def is_delivered(self) -> None:
        """Wait until all that was put is in the stream."""
        self._source.wait()

    def project(self, projector: Any) -> None:
        """Run *projector* until it says that nothing is left."""
        self.is_delivered()
        until = time.monotonic() + DEADLINE_S
        while (taken := projector.run_once(self._delivery_s)) != 0:
            expect(
                type(taken) is int and taken > 0,
                expected="run_once to return how many changes it took from the stream",
                got=f"{taken!r}",
            )
            expect(
                time.monotonic() < until,
                expected=f"run_once to return 0 once all {self._count()} events are shown",
                got=f"{taken} after {DEADLINE_S:g} s",
                perhaps="the same changes are taken again and again: the checkpoint does not move",
            )

    def is_shown(self, view: Any, *, perhaps: str | None = None) -> None:
        """Every question to *view* has the answer that follows from all events."""
        states = {order_id: self.states(order_id)[-1] for order_id in self.events}
        for order_id, state in states.items():
            expect.equal(state, view.order(order_id), perhaps=perhaps)
        for status in STATUSES:
            has = [order_id for order_id, state in states.items() if state.status == status]
            same_ids(has, view.orders_with(status), f"orders_with({status!r})", perhaps)
        for customer in sorted({str(state.customer_id) for state in states.values()}):
            has = [order_id for order_id, state in states.items() if state.customer_id == customer]
            same_ids(has, view.orders_of(customer), f"orders_of({customer!r})", perhaps)

    def glimpse(self, view: Any, order_id: str, seen: int = 0) -> int:
        """
        What *view* shows of an order now is a state that it has had, and all questions agree on it.

        *seen* is the version that was shown before; gives the one that is shown now.
        """
        state = view.order(order_id)
        self._has_been(order_id, state, seen)
        customer = self.states(order_id)[-1].customer_id
        listed = [status for status in STATUSES if order_id in listing(view.orders_with(status))]
        # Without an event it has no customer to ask for: the contract is `orders_of(customer_id: str)`.
        owned = customer is not None and order_id in listing(view.orders_of(customer))
        if state == view.order(order_id):  # nothing has changed meanwhile
            shown = [] if state is None else [state.status]
            expect(
                listed == shown and owned is bool(shown),
                expected=f"order {order_id} under status {shown} and its customer, as its state says",
                got=f"it under status {listed}, " + ("and" if owned else "and not") + " under its customer",
                perhaps="its state and its places in the indexes are not written at a stroke",
            )
        return 0 if state is None else state.version

    def _has_been(self, order_id: str, state: Any, seen: int) -> None:
        states = self.states(order_id)
        version = getattr(state, "version", 0) if state is not None else 0
        known = type(version) is int and 0 < version < len(states)
        wanted, was = differing(states[version] if known else "one of them", state)
        expect(
            state is None or (known and state == states[version]),
            expected=f"order {order_id} as it was after its first {version} events: {wanted}",
            got=was,
            perhaps="an event was counted twice or left out",
        )
        expect(
            version >= seen,
            expected=f"order {order_id} at version {seen} or a later one, as it was shown before",
            got=f"version {version}",
            perhaps="what came late has overwritten what was newer",
        )

    def _count(self) -> int:
        return sum(map(len, self.events.values()))


def listing(got: Any) -> list[Any]:
    """*got*, which has to be a list."""
    expect(type(got) is list, expected="a list of order ids", got=f"a {type(got).__name__}")
    return list(got)


def same_ids(expected: Iterable[str], got: Any, question: str, perhaps: str | None = None) -> None:
    """*got*, the answer to *question*, has the *expected* ids, each once, in any order."""
    expected, found = sorted(expected), listing(got)
    texts = sorted(one if type(one) is str else repr(one) for one in found)
    missing, odd = [i for i in expected if i not in texts], [i for i in texts if i not in expected]
    expect(
        texts == expected,
        expected=f"{question} to be {_short(expected)}",
        got=_short(texts)
        + (f"; missing: {_short(missing)}" if missing else "")
        + (f"; too many: {_short(odd)}" if odd else ""),
        perhaps=perhaps,
    )


def _short(ids: list[str]) -> str:
    return f"[{', '.join(ids[:8])}{f', … {len(ids) - 8} more' if len(ids) > 8 else ''}]"


def an_order(order_id: str, customer_id: str, *quantities: int, confirmed: bool = False) -> list[Event]:
    """The events of an order with an item for each of *quantities*."""
    events: list[Event] = [OrderCreated(order_id=order_id, customer_id=customer_id)]
    events += [
        ItemAdded(order_id=order_id, item_id=f"item-{number % 3}", quantity=quantity)
        for number, quantity in enumerate(quantities)
    ]
    if confirmed:
        events.append(OrderConfirmed(order_id=order_id, total_amount=9.99 * len(events)))
    return events


def background(call: Callable[[], Any]) -> Background:
    """*call*, while the test does something else."""
    return Background(call, DEADLINE_S)
