"""The producers and consumers of a run, each in a process of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from pytest_labkit.simulator.cast import Cast
from pytest_labkit.simulator.choice import Choice
from pytest_labkit.simulator.ledger import Ledger
from pytest_labkit.simulator.player import Player
from pytest_labkit.simulator.reading import Reading
from pytest_labkit.simulator.sending import Planned, Sending
from pytest_labkit.simulator.topics import Topics

BEHIND = 2000
"""Messages that may wait for one producer before no more are planned."""

_CRASH_S = 5.0
_PRINTED = 5  # lines of one look


class Players:
    """Those that *choice* asks for, of *cast*, on *topics*. What they do is said to *ledger*."""

    def __init__(self, cast: Cast, choice: Choice, topics: Topics, ledger: Ledger, hangs_s: float) -> None:
        self._cast = cast
        self._topics = topics
        self._ledger = ledger
        self._hangs_s = hangs_s
        self._over = threading.Event()
        self.senders = [
            Sending(number, choice.strategy, topics.name, cast.process, ledger.say, hangs_s)
            for number in range(1, choice.producers + 1)
        ]
        self.readers = [
            self._reading(mode, number) for mode in choice.modes for number in range(1, choice.consumers + 1)
        ]

    def __iter__(self) -> Iterator[Player]:
        yield from self.senders
        yield from self.readers

    def _reading(self, mode: str, number: int) -> Reading:
        offer, group = self._cast.offer, self._topics.group(mode)
        return Reading(
            mode,
            number,
            (self._topics.name, self._topics.target(mode), group),
            self._cast.scratch.path / f"{group}-{number}",
            self._cast.process,
            self._ledger.say,
            offer.MODES[mode],
            partial(offer.leave, self._cast.kafka, group),
            self._hangs_s,
        )

    def start(self) -> None:
        """Begin."""
        for player in self:
            player.start()

    def go_on(self) -> None:
        """Send, and read."""
        for player in self:
            player.go_on()

    def pause(self) -> None:
        """Send no more, and read no more."""
        for player in self:
            player.pause()

    def give(self, planned: Iterable[Planned]) -> None:
        """Have *planned* sent, by all in turn."""
        given: dict[int, list[Planned]] = {}
        for one in planned:
            given.setdefault(one.number % len(self.senders), []).append(one)
        for turn, some in given.items():
            self.senders[turn].give(some)

    @property
    def have_room(self) -> bool:
        """Whether more may be given."""
        return all(sender.waiting < BEHIND for sender in self.senders if not sender.is_given_up)

    @property
    def are_settled(self) -> bool:
        """Whether of all that was given it is known what became of it."""
        return all(one.is_given_up or not (one.waiting or one.unsettled) for one in self.senders)

    def kill_producer(self, number: int) -> None:
        """SIGKILL to the process of the producer *number*; `IndexError` if there is none."""
        if not 1 <= number <= len(self.senders):
            raise IndexError(number)
        self.senders[number - 1].kill()

    def kill_consumers(self, mode: str) -> None:
        """SIGKILL to all consumers of *mode*, now."""
        for reader in self.readers:
            if reader.mode == mode:
                reader.kill()

    def crash_consumer(self, mode: str) -> None:
        """SIGKILL to a consumer of *mode*, where that tells most; `StopIteration` if there is none."""
        reader = next(reader for reader in self.readers if reader.mode == mode)
        kills = reader.kills
        self._ledger.say(f"{reader.name} is to be killed {self._cast.offer.CRASHES[mode]}.", "fault")
        reader.crash()
        threading.Thread(target=self._see_to_it, args=(reader, kills), daemon=True).start()

    def _see_to_it(self, reader: Reading, kills: int) -> None:
        """Kill *reader* if it does not come to where it was to be killed."""
        until = time.monotonic() + _CRASH_S
        while reader.kills == kills and time.monotonic() < until and not self._over.wait(0.05):
            pass
        if reader.kills == kills and not self._over.is_set():
            reader.kill()

    def watch(self) -> None:
        """End calls that have taken too long."""
        for player in self:
            player.watch()

    def hear(self) -> None:
        """What the answers have printed: the last lines of it."""
        for player in self:
            lines = [line.strip()[:200] for line in player.printed().splitlines() if line.strip()]
            if len(lines) > _PRINTED:
                said = f"{player.name} printed {len(lines)} lines; the last ones follow."
                self._ledger.say(said, "printed")
            for line in lines[-_PRINTED:]:
                self._ledger.say(f"{player.name} printed: {line}", "printed")

    def closing(self) -> list[Any]:
        """What ends each; it may take a moment."""
        self._over.set()
        return [player.close for player in self]

    def figures(self) -> dict[str, Any]:
        """What the page shows of each."""
        return {
            "producers": [sender.figures() for sender in self.senders],
            "consumers": [reader.figures() for reader in self.readers],
        }
