"""
Lab 3, part A: an order, rebuilt from its events.

    new --OrderCreated--> created --OrderConfirmed--> confirmed
                          created --ItemAdded-------> created

Whatever else is tried cannot have happened. No clock, no random number, no database in here: the same
events give the same order, today and in a year.
"""

from labs.lab3.errors import OrderRuleBroken  # noqa: F401
from labs.lab3.events import Event, ItemAdded, OrderConfirmed, OrderCreated, OrderState  # noqa: F401


class Order:
    """An order, made by applying its events one after the other. Promises A6.1 to A6.9 in README.md."""

    def __init__(self) -> None:
        # TODO A6: before the first event, the state is OrderState().
        pass

    def apply_event(self, event: Event) -> None:
        """Let *event* happen to the order, or raise `OrderRuleBroken` and leave the order as it was."""
        raise NotImplementedError("TODO A6: apply_event changes the state, or refuses an impossible event")

    def get_state(self) -> OrderState:
        """The order as it is now."""
        raise NotImplementedError("TODO A6: get_state returns the state that the events came to")
