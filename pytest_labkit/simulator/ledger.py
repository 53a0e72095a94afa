"""What a run has brought so far: kept whole, and given out from any point on."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from pytest_labkit.simulator.deliveries import Deliveries, Effect
from pytest_labkit.simulator.marks import Mark, Place, merged
from pytest_labkit.simulator.order import Order

LIVE = 500
"""Records of one batch that are drawn one by one; if there are more, they are drawn as bursts."""

CAUGHT_UP = 2000
"""Records of one batch for a page that has come late."""

TOLD = 20
"""Times that a message is told to have been handled; if it was more often, they are only counted."""

LOST = 50
"""Places of lost records that are told; if there are more, they are only counted."""

_EARLY_S = 2.0  # that an effect waits for its record


@dataclass
class Cursor:
    """How much of a ledger somebody has been given."""

    marks: int = 0
    violations: int = 0
    effects: int = 0
    samples: int = 0
    said: int = 0
    is_live: bool = True


@dataclass(frozen=True)
class Said:
    """A line of the log: *at* seconds after the run began; *kind* is `note`, `fault`, `bad` or `printed`."""

    at: float
    kind: str
    text: str


@dataclass
class Ledger:
    """Everything that was seen in a run that began at *began*, in seconds since 1970. Safe in threads."""

    modes: tuple[str, ...] = ()
    began: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.marks: list[Mark] = []
        self.order = Order()
        self.deliveries = {mode: Deliveries() for mode in self.modes}
        self.effects: list[tuple[int, int, float, str]] = []  # mode, number, seconds after the start, site
        self.samples: list[dict[str, Any]] = []
        self.said: list[Said] = []
        self.lost: dict[str, list[Place]] = {mode: [] for mode in self.modes}
        self._sent_at: dict[int, float] = {}
        self._unhandled: dict[str, dict[int, Mark]] = {mode: {} for mode in self.modes}
        self._early: list[tuple[float, str, Effect]] = []

    def say(self, text: str, kind: str = "note") -> None:
        """Add a line to the log; one that is said again at once is not repeated."""
        with self.lock:
            if not self.said or self.said[-1].text != text:
                self.said.append(Said(self.now(), kind, text))

    def now(self) -> float:
        """Seconds since the run began."""
        return round(time.time() - self.began, 3)

    def take(self, marks: Iterable[Mark]) -> None:
        """Add records as they came."""
        with self.lock:
            for mark in marks:
                self.marks.append(mark)
                self.order.add(mark)
                if mark.number < 0:
                    continue
                self._sent_at.setdefault(mark.number, mark.at)
                for mode, found in self.deliveries.items():
                    if not found.effects[mark.number]:
                        self._unhandled[mode].setdefault(mark.number, mark)

    def handle(self, mode: str, effects: Iterable[Effect]) -> None:
        """Add what was handled in *mode*; one whose record has not come yet waits for it a little."""
        with self.lock:
            self._early += [(time.time(), mode, effect) for effect in effects]
            early, self._early = self._early, []
            for since, at_mode, effect in early:
                sent_at = self._sent_at.get(effect.number)
                if sent_at is None and time.time() - since < _EARLY_S:
                    self._early.append((since, at_mode, effect))
                    continue
                self._add(at_mode, effect, sent_at)

    def _add(self, mode: str, effect: Effect, sent_at: float | None) -> None:
        self.deliveries[mode].add(effect, sent_at)
        self._unhandled[mode].pop(effect.number, None)
        if self.deliveries[mode].effects[effect.number] <= TOLD:
            told = self.modes.index(mode), effect.number, self._after(effect.at), effect.site
            self.effects.append(told)

    def outstanding(self, mode: str) -> list[int]:
        """The numbers of messages that are in the topic and not handled in *mode*."""
        with self.lock:
            return list(self._unhandled[mode])

    def count_lost(self, mode: str, committed: dict[int, int]) -> None:
        """See which records the group of *mode* has passed over."""
        with self.lock:
            self.lost[mode] = self.deliveries[mode].lost(self._unhandled[mode].values(), committed)

    def times(self) -> dict[str, int]:
        """How often anything was handled in each mode."""
        return {mode: found.times for mode, found in self.deliveries.items()}

    def sample(self, told: dict[str, Any]) -> None:
        """Add figures of this instant."""
        with self.lock:
            self.samples.append({"at": self.now(), **told})

    def counts(self) -> dict[str, Any]:
        """What stands on the page in figures."""
        with self.lock:
            copies = self.order.copies
            return {
                "stored": len(self.marks),
                "distinct": len(copies),
                "duplicates": self.order.duplicates,
                "violations": len(self.order.violations),
                "modes": {
                    mode: {
                        "handled": len(found.effects),
                        "lost": len(self.lost[mode]),
                        "lost_at": places(self.lost[mode][:LOST]),
                        "repeated": found.repeated(copies),
                    }
                    for mode, found in self.deliveries.items()
                },
            }

    def latency(self) -> dict[str, dict[str, float | None]]:
        """Milliseconds from sent to handled in each mode, of recent messages."""
        with self.lock:
            return {mode: found.latency() for mode, found in self.deliveries.items()}

    def since(self, cursor: Cursor) -> dict[str, Any]:
        """What is new to *cursor*, which moves on; as JSON."""
        with self.lock:
            told = {
                "said": [[said.at, said.kind, said.text] for said in self.said[cursor.said :]],
                "samples": self.samples[cursor.samples :],
                "effects": self.effects[cursor.effects :],
                **self._marks_since(cursor),
            }
            cursor.said, cursor.samples = len(self.said), len(self.samples)
            cursor.effects = len(self.effects)
        return {name: value for name, value in told.items() if value}

    def _marks_since(self, cursor: Cursor) -> dict[str, Any]:
        end = len(self.marks) if cursor.is_live else min(len(self.marks), cursor.marks + CAUGHT_UP)
        new = self.marks[cursor.marks : end]
        found = list(
            takewhile(lambda one: one.came <= end, self.order.violations[cursor.violations :])
        )  # both of their records are told by now
        spared = {place for violation in found for place in (violation.mark.place, violation.behind.place)}
        marks, bursts = merged(new, LIVE if cursor.is_live else CAUGHT_UP, spared)
        cursor.marks, cursor.violations = end, cursor.violations + len(found)
        cursor.is_live = end == len(self.marks)
        return {
            "marks": [self.shown(mark) for mark in marks],
            "bursts": [[*burst[:4], self._after(burst.start), self._after(burst.end)] for burst in bursts],
            "violations": [[self.shown(v.mark), self.shown(v.behind), v.apart, str(v)] for v in found],
        }

    def shown(self, mark: Mark) -> list[Any]:
        """*mark* as the page and a run's file have it: its time in seconds after the start."""
        return [mark.partition, mark.offset, self._after(mark.at), *mark[3:]]

    def _after(self, at: float) -> float:
        return round(at - self.began, 4)


def places(found: Collection[Place]) -> list[list[int]]:
    """*found* as JSON."""
    return [list(place) for place in found]
