"""
Given: the payments of part B, what measuring costs gives, and the error of a lost state. Don't change this.

A payment adds its amount to its account. In Kafka it is a record whose key is the account and whose value is
JSON: `Payment.decoded(record.value())`.
"""

from pydantic import BaseModel, ConfigDict

BALANCES = "balances"
"""The hash in Redis that has the balance of each account: `HINCRBY balances ada 5`."""

GUARANTEES = ("acks=0", "acks=1", "acks=all", "idempotent", "transactional")
"""What a producer can be asked to promise, from the least to the most."""


class Payment(BaseModel):
    """An *amount* of whole cents, which may be negative, for an *account*."""

    model_config = ConfigDict(frozen=True, strict=True)

    payment_id: str
    account: str
    amount: int

    def encoded(self) -> bytes:
        """The value of the Kafka record."""
        return self.model_dump_json().encode()

    @classmethod
    def decoded(cls, value: bytes | None) -> "Payment":
        """The payment that *value* holds; `ValueError` if it holds none."""
        return cls.model_validate_json(value or b"")


class Cost(BaseModel):
    """
    What sending cost.

    *acknowledged* records in *seconds*, from the first send until the last was acknowledged, and how long
    each of them took, in milliseconds.
    """

    model_config = ConfigDict(frozen=True)

    acknowledged: int
    seconds: float
    latencies_ms: list[float]


class StateLost(Exception):
    """Redis no longer has what the consumer group had written there."""
