"""Part A: producers, and the three strategies by which they choose a partition."""

from __future__ import annotations

from typing import Any

from labs.lab1.messages import Message, default_topic


def create_producer(
    partition_strategy: str = "key_hash",
    *,
    topic: str | None = None,
    batch_size: int = 100,
    max_in_queue: int = 100_000,
    delivery_timeout_s: float = 30.0,
) -> Any:
    """
    A producer to *topic*, by default the lab's own; promises A1.1 to A1.10 and A4.1 to A4.11 in README.md.

    Args:
        partition_strategy: `"round_robin"`, `"key_hash"` or `"sticky"`.
        topic: Where to send to.
        batch_size: With `"sticky"`: how many messages in a row go to one partition.
        max_in_queue: How many messages may wait in this process at most.
        delivery_timeout_s: How long a message is tried before it counts as failed.
    """
    return Producer(
        partition_strategy, topic or default_topic(), batch_size, max_in_queue, delivery_timeout_s
    )


class Producer:
    """
    Sends messages, and tells which of them are safe.

    Attributes:
        delivered: The messages that the broker has acknowledged.
        failed: The messages that were given up.
    """

    def __init__(
        self, strategy: str, topic: str, batch_size: int, max_in_queue: int, delivery_timeout_s: float
    ) -> None:
        self.delivered: list[Message] = []
        self.failed: list[Message] = []
        raise NotImplementedError("TODO A1: a producer that places messages by its strategy")

    def send(self, message: Message) -> None:
        """Have *message* sent; does not wait until it is there."""
        raise NotImplementedError("TODO A1: choose a partition, and send")

    def flush(self) -> None:
        """Return when each message that was sent is in `delivered` or in `failed`."""
        raise NotImplementedError("TODO A4: wait for the acknowledgements")

    def close(self) -> None:
        """The same, and let go of the connections."""
        raise NotImplementedError("TODO A4: close")
