"""
Don't change this file: callers of your code in its own process, who go on using what they pass and get.

Whether two sides hold the very same list can only be seen where both are.
"""

from __future__ import annotations

from typing import Any

from labs.lab3.events import Event


def append(store: Any, stream: str, events: list[Event]) -> list[Event]:
    """Append *events*, and give the list that was passed as it is after the call."""
    passed = list(events)
    store.append_events(stream, 0, passed)
    left = list(passed)
    passed.clear()
    return left


def clear_what_is_returned(store: Any, stream: str) -> None:
    """Empty the list that `get_events` returned."""
    got = store.get_events(stream)
    if isinstance(got, list):
        got.clear()


def items_before_and_after(order: Any, event: Event) -> tuple[Any, Any]:
    """The items of a state that was given out, before and after *event* happened to the order."""
    state = order.get_state()
    before = dict(state.items)
    order.apply_event(event)
    return before, state.items


def change_the_items(order: Any, item_id: str, quantity: int) -> None:
    """Change the items of a state that was given out."""
    order.get_state().items[item_id] = quantity
