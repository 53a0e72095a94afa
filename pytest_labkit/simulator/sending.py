"""A producer of the student's in a process of its own, and what it was given and has told."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pytest_labkit.answers.process import ProcessAnswers
from pytest_labkit.answers.rpc.errors import AnswerDied
from pytest_labkit.simulator import trouble
from pytest_labkit.simulator.player import HANGS_S, Player, Say

_IDLE_S = 0.25
_MOST = 200  # messages of one call
_RAISED = 3  # exceptions of one call that are waited for


class Planned(NamedTuple):
    """The message *number* of a run: the *sequence*-th of its *key*."""

    number: int
    key: str
    sequence: int


class Sending(Player):
    """
    The producer *number*, which sends what it is given.

    What was not known to be safe when its process was killed, the next one sends again.

    Attributes:
        site: The line of the student's that hands a message to Kafka's client.
        delivered, failed, raised: How many messages it said that of.
    """

    def __init__(
        self, number: int, strategy: str, topic: str, process: Callable[[], ProcessAnswers], say: Say,
        hangs_s: float = HANGS_S,
    ) -> None:  # fmt: skip
        super().__init__(f"Producer {number}", process, say, hangs_s)
        self.site = ""
        self.delivered = self.failed = self.raised = self.taken = 0
        self._number = number
        self._made_of = (strategy, topic)
        self._waiting: queue.SimpleQueue[Planned] = queue.SimpleQueue()
        self._unsettled: dict[int, Planned] = {}
        self._is_flushed = True
        self._sender: Any = None

    def give(self, planned: Iterable[Planned]) -> None:
        """Have *planned* sent."""
        for one in planned:
            self._waiting.put(one)

    @property
    def waiting(self) -> int:
        """How many messages it was given and has not begun to send."""
        return self._waiting.qsize()

    @property
    def unsettled(self) -> int:
        """How many it has sent and said nothing of."""
        return len(self._unsettled)

    def figures(self) -> dict[str, Any]:
        """What the page shows of it."""
        return {
            "name": self.name,
            "sent": self.taken,
            "delivered": self.delivered,
            "failed": self.failed + self.raised,
            "waiting": self.waiting,
            "unsettled": self.unsettled,
            "lives": self.lives,
            "site": self.site,
            "over": self.is_given_up,
        }

    def _enter(self, process: ProcessAnswers) -> None:
        self._sender = process.beside("simulation").sender(*self._made_of, self._number)
        again = list(self._unsettled.values())
        if again:
            self._say(f"{self.name} sends {len(again)} again that were not known to be safe.", "note")
            self._send(again)

    def _act(self) -> None:
        some = self._some()
        if some:
            self._send(some)
        elif not self._is_flushed:
            self._is_flushed = True
            self._settle(self._timed(self._sender.flush))

    def _some(self) -> list[Planned]:
        """What waits, as much as one call may take; nothing if nothing comes for a while."""
        some: list[Planned] = []
        try:
            some.append(self._waiting.get(timeout=_IDLE_S))
            while len(some) < _MOST:
                some.append(self._waiting.get_nowait())
        except queue.Empty:
            pass
        return some

    def _send(self, planned: list[Planned]) -> None:
        self._is_flushed = False
        self.taken += sum(one.number not in self._unsettled for one in planned)
        self._unsettled |= {one.number: one for one in planned}
        left, raised = planned, 0
        while left:
            try:
                self._settle(self._timed(lambda: self._sender.send([list(one) for one in left])))  # noqa: B023
                break
            except AnswerDied:
                raise
            except Exception as error:
                raised += 1
                done = int(self._sender.taken)
                self._fails(left[done : done + 1] if raised < _RAISED else left[done:], error)
                left = left[done + 1 :] if raised < _RAISED else []

    def _fails(self, planned: list[Planned], error: Exception) -> None:
        if not self.raised:
            self._say(trouble.sentence(self.name, error), "bad")
        self.raised += len(planned)
        for one in planned:
            self._unsettled.pop(one.number, None)

    def _settle(self, told: dict[str, Any]) -> None:
        self._failed = 0
        self.site = told["site"] or self.site
        for number in told["delivered"]:
            self.delivered += self._unsettled.pop(number, None) is not None
        for number in told["failed"]:
            self.failed += self._unsettled.pop(number, None) is not None
