"""
Given: what happens to baskets and prices, for the challenge X1. Leave this file as it is.

The rules stand in README.md. Amounts are whole cents.
"""

from pydantic import AwareDatetime, BaseModel, ConfigDict

from labs.lab3.events import Event


class PriceSet(Event):
    """
    From *valid_from* on, a piece of the item costs *cents*; decided at `occurred_at`.

    A *valid_from* before `occurred_at` is a correction: it takes effect in the past.
    """

    item_id: str
    cents: int
    valid_from: AwareDatetime


class ItemHeld(Event):
    """*quantity* pieces of an item were put into the basket, for 24 hours to begin with."""

    hold_id: str
    item_id: str
    quantity: int


class HoldKept(Event):
    """The customer wants to keep what was held: from now on it does not lapse."""

    hold_id: str


class Basket(BaseModel):
    """*items* maps an item's id to how many of it are in the basket; *total_cents* is what they cost."""

    model_config = ConfigDict(frozen=True)

    items: dict[str, int] = {}
    total_cents: int = 0
