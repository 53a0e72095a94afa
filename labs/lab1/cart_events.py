"""
Given, don't change: what happens to a shopping cart, and what a cart is in between.

All of it is frozen: what has happened does not change.
"""

import json
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

PARTITIONS = 3
"""The topic of a log has so many."""


def _in_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


def _now() -> datetime:
    return datetime.now(UTC)  # looked up at each call, so that freezegun can stop the clock


class CartEvent(BaseModel):
    """
    Something that happened to a cart: the *version*-th event of *cart_id*, counted from 1.

    *occurred_at*, in UTC, is when it happened in the customer's hands, by the customer's clock.
    """

    model_config = ConfigDict(frozen=True)

    cart_id: str
    version: int
    occurred_at: Annotated[AwareDatetime, AfterValidator(_in_utc)] = Field(default_factory=_now)


class ItemAdded(CartEvent):
    """The customer put *quantity* more of an item into the cart."""

    item_id: str
    quantity: int


class ItemRemoved(CartEvent):
    """The customer took *quantity* of an item out of the cart."""

    item_id: str
    quantity: int


class CheckedOut(CartEvent):
    """The customer went to the checkout."""


class Cart(BaseModel):
    """
    A cart after its events up to *version*; `Cart()` is a cart before its first.

    *items* maps an item's id to how many of it are in the cart: 1 or more.
    """

    model_config = ConfigDict(frozen=True)

    items: dict[str, int] = {}
    checked_out: bool = False
    version: int = 0


_EVENT_TYPES = {kind.__name__: kind for kind in (ItemAdded, ItemRemoved, CheckedOut)}


def encode(event: CartEvent) -> bytes:
    """The value of the Kafka record that holds *event*: JSON, in UTF-8."""
    return json.dumps({"type": type(event).__name__, **event.model_dump(mode="json")}).encode()


def decode(value: bytes) -> CartEvent:
    """The event that *value* holds."""
    fields = json.loads(value)
    return _EVENT_TYPES[fields.pop("type")](**fields)
