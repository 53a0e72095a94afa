"""Given, don't change: the messages of part A, as they are sent and as they are read back."""

import json
import os
from dataclasses import asdict, dataclass

TOPIC = os.environ.get("LAB1_TOPIC", "lab1-orders")
KEYS = 20
"""The test messages are of so many keys, in turn."""


@dataclass(frozen=True)
class Message:
    """One message: the *sequence*-th of its *key*, counted from 0."""

    key: str
    sequence: int
    text: str = ""

    def encoded(self) -> bytes:
        """The value of the Kafka record: JSON, in UTF-8."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decoded(cls, value: bytes) -> "Message":
        """The message that *value* holds."""
        return cls(**json.loads(value))


@dataclass(frozen=True)
class Record:
    """A message as it lies in a topic; *timestamp_ms* is Kafka's, in milliseconds since 1970."""

    partition: int
    offset: int
    timestamp_ms: int
    key: str | None
    sequence: int


def create_test_message(i: int) -> Message:
    """The *i*-th test message: message `i // KEYS` of key `i % KEYS`."""
    return Message(f"order-{i % KEYS}", i // KEYS, f"test message {i}")
