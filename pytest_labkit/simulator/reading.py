"""A consumer of the student's in a process of its own, and what was handled by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException

from pytest_labkit.answers.process import ProcessAnswers
from pytest_labkit.simulator import deliveries
from pytest_labkit.simulator.deliveries import Effect
from pytest_labkit.simulator.player import HANGS_S, Player, Say

_WAIT_S = 0.2
_LIMIT = 100
_READ = 1 << 20


class Reading(Player):
    """
    A consumer of *mode*, member *number* of its group.

    Args:
        made_of: Topic, target and group.
        journal: The file that what is handled is written to.
        left: Told of a member whose process has ended.
    """

    def __init__(
        self, mode: str, number: int, made_of: tuple[str, str, str], journal: Path,
        process: Callable[[], ProcessAnswers], say: Say, title: str, left: Callable[[str], None],
        hangs_s: float = HANGS_S,
    ) -> None:  # fmt: skip
        super().__init__(f"Consumer {number} ({title.lower()})", process, say, hangs_s)
        self.mode = mode
        self._number = number
        self._made_of = made_of
        self._left = left
        self._member = f"{mode}-{number}"
        self._journal = Journal(journal)
        self._reader: Any = None
        self._is_to_crash = False

    def crash(self) -> None:
        """Have it killed where that tells most, in this life or in the one that has just begun."""
        self._was_killed = self._is_to_crash = True

    def effects(self) -> Iterator[Effect]:
        """What its journal has that was not asked for yet."""
        return self._journal.new()

    def figures(self) -> dict[str, Any]:
        """What the page shows of it."""
        return {
            "mode": self.mode,
            "number": self._number,
            "member": self._member,
            "lives": self.lives,
            "over": self.is_given_up,
        }

    def _enter(self, process: ProcessAnswers) -> None:
        self._reader = process.beside("simulation").reader(
            self.mode, *self._made_of, str(self._journal.file), self._member
        )

    def _leave(self) -> None:
        super()._leave()
        with suppress(KafkaException, OSError, TimeoutError):  # the broker is away, and will miss it in time
            self._left(self._member)

    def _act(self) -> None:
        if self._is_to_crash:
            self._is_to_crash = False
            self._timed(self._reader.crash)
        self._timed(lambda: self._reader.run_once(_WAIT_S, _LIMIT))
        self._failed = 0


class Journal:
    """The file in which a process writes down what it has handled; read while it grows."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._at = 0

    def new(self) -> Iterator[Effect]:
        """The effects that were added since; a line that is half written waits."""
        if not self.file.exists():
            return
        with self.file.open("rb") as opened:
            opened.seek(self._at)
            data = opened.read(_READ)
        whole = data.rpartition(b"\n")[0]
        self._at += len(whole) + bool(whole)
        for line in whole.decode("utf-8", "replace").splitlines():
            if (effect := deliveries.parsed(line)) is not None:
                yield effect
