"""The topics of a run: the one that is sent to, and one for each mode that writes to one of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaException

from pytest_labkit.simulator.broker import Broker, Watch
from pytest_labkit.simulator.cast import Cast
from pytest_labkit.simulator.choice import Choice
from pytest_labkit.simulator.deliveries import Effect
from pytest_labkit.simulator.ledger import Ledger
from pytest_labkit.simulator.marks import Mark


class Topics:
    """
    Made by `open`, watched until `close`, which deletes them. What is seen goes to *ledger*.

    Attributes:
        name: The topic that producers send to, and that all groups read.
    """

    def __init__(self, cast: Cast, choice: Choice, broker: Broker, ledger: Ledger) -> None:
        self.name = f"{cast.lab.id}-simulator-{secrets.token_hex(3)}"
        self._offer = cast.offer
        self._broker = broker
        self._partitions = choice.partitions
        self._ledger = ledger
        self._written = [mode for mode in choice.modes if cast.offer.EFFECTS.get(mode) == "topic"]
        self._watches: list[Watch] = []

    def group(self, mode: str) -> str:
        """The group of *mode*."""
        return f"{self.name}-{mode}"

    def target(self, mode: str) -> str:
        """The topic that *mode* writes to, if it does."""
        return f"{self.name}-{mode}-out"

    def open(self, after: Callable[[], None]) -> None:
        """Make and watch them; *after* is called when more has come from the topic."""

        def seen(records: Iterable[Any]) -> None:
            self._ledger.take(map(self._mark, records))
            after()

        takes = {self.name: seen, **{self.target(mode): self._take(mode) for mode in self._written}}
        self._broker.make(*takes, partitions=self._partitions)
        self._watches = [Watch(self._broker, name, self._partitions, take) for name, take in takes.items()]

    def closing(self) -> list[Callable[[], None]]:
        """What ends the watches; each may take a moment."""
        return [watch.close for watch in self._watches]

    def delete(self) -> None:
        """Delete them, if the broker is there."""
        with suppress(KafkaException):
            self._broker.delete(self.name, *map(self.target, self._written))

    def _mark(self, record: Any) -> Mark:
        at = record.timestamp()[1] / 1000
        try:
            key, sequence, number, producer = self._offer.seen(record.value())
        except (ValueError, TypeError):
            return Mark(record.partition(), record.offset(), at, None, -1, -1, -1)
        return Mark(record.partition(), record.offset(), at, key, sequence, number, producer)

    def _take(self, mode: str) -> Callable[[Iterable[Any]], None]:
        def seen(records: Iterable[Any]) -> None:
            effects = []
            for record in records:
                with suppress(ValueError):
                    number = self._offer.seen_in_target(record.value())
                    effects.append(Effect(number, record.timestamp()[1] / 1000, ""))
            self._ledger.handle(mode, effects)

        return seen
