"""Part A: in which order messages came, and a consumer's way to the right one."""

from __future__ import annotations

from collections.abc import Iterable

from labs.lab1.messages import OrderReport, Record, default_topic, records_of


def analyze_message_order(records: Iterable[Record] | None = None) -> OrderReport:
    """
    What is to be said of the order of *records*, which are given as they came; promises A2.1 to A2.9.

    Without an argument they are all that the lab's topic has: A3.10.
    """
    if records is None:
        records = records_of(default_topic())
    raise NotImplementedError("TODO A2: order, gaps and duplicates of the records")


class Resequencer:
    """
    Gives the records of each key in their order, each once; promises A3.1 to A3.7 in README.md.

    Args:
        max_held: How many records it holds at most, of all keys together.
        timeout_s: How long it holds one at most.

    Attributes:
        held: How many records it holds.
        given_up: How many sequences it does not wait for any more.
    """

    def __init__(self, max_held: int = 1000, timeout_s: float = 30.0) -> None:
        self.max_held = max_held
        self.timeout_s = timeout_s
        self.held = 0
        self.given_up = 0

    def receive(self, record: Record, now: float) -> list[Record]:
        """Take *record*, which came at *now*, in seconds that never go back; the records that go on."""
        raise NotImplementedError("TODO A3: hold back what comes too early")

    def expire(self, now: float) -> list[Record]:
        """The records that go on at *now* because they were held for long enough."""
        raise NotImplementedError("TODO A3: a gap that is not filled")


def read_in_order(topic: str) -> list[Record]:
    """All that *topic* has: each key in its order, each record once; A3.8, A3.9 and A3.11 in README.md."""
    raise NotImplementedError("TODO A3: read the topic through a Resequencer")
