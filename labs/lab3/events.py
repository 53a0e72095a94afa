"""
Given: what happens to an order, and what an order looks like in between.

Everything here is frozen: what has happened does not change. An event that is made is checked by pydantic
in its lenient way (a Decimal may become an int); what may be stored, the Avro schemas say, and strictly.
Leave this file as it is; the checks bring their own copy.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


def _in_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


def _now() -> datetime:
    return datetime.now(UTC)  # looked up at each call, so that freezegun can stop the clock


class Event(BaseModel):
    """
    Something that happened.

    *event_id* and *occurred_at* (UTC, whole microseconds) are made with the event. *version* is its
    place in the stream, 1 for the first: set by the store on what it returns, `None` before.
    """

    model_config = ConfigDict(frozen=True)

    event_id: str = Field(default_factory=lambda: str(uuid4()))
    occurred_at: Annotated[AwareDatetime, AfterValidator(_in_utc)] = Field(default_factory=_now)
    version: int | None = None


class OrderCreated(Event):
    """A customer opened an order."""

    order_id: str
    customer_id: str


class ItemAdded(Event):
    """*quantity* more of an item was put into an order."""

    order_id: str
    item_id: str
    quantity: int


class OrderConfirmed(Event):
    """The customer confirmed the order; nothing changes after that."""

    order_id: str
    total_amount: float


EVENT_TYPES: dict[str, type[Event]] = {
    event_type.__name__: event_type for event_type in (OrderCreated, ItemAdded, OrderConfirmed)
}


class OrderState(BaseModel):
    """
    An order after *version* events; `OrderState()` is the order before its first.

    *items* maps an item's id to how many of it are ordered; *total_amount* is `None` until confirmed.
    """

    model_config = ConfigDict(frozen=True)

    order_id: str | None = None
    customer_id: str | None = None
    status: Literal["new", "created", "confirmed"] = "new"
    items: dict[str, int] = {}
    total_amount: float | None = None
    version: int = 0
