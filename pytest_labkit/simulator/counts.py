"""How often each message has counted, in a mode whose effects are counts in Redis."""

from __future__ import annotations

import time

from pytest_labkit.simulator.cast import Cast
from pytest_labkit.simulator.choice import Choice
from pytest_labkit.simulator.deliveries import Effect
from pytest_labkit.simulator.ledger import Ledger

EVERY_S = 0.1
ALL_EVERY = 20
"""Each so many looks at counts are at all of them; the others are at those that are outstanding."""

KNOWN = 2000
"""Outstanding messages that one look is at."""


class Counts:
    """Looks at them, and tells *ledger* which have grown."""

    def __init__(self, cast: Cast, choice: Choice, ledger: Ledger) -> None:
        effects = {mode: cast.offer.EFFECTS.get(mode, "topic") for mode in choice.modes}
        self._names = {mode: name for mode, name in effects.items() if name != "topic"}
        self._cast = cast
        self._ledger = ledger
        self._counted: dict[int, int] = {}
        self._looks = 0

    def __bool__(self) -> bool:
        """Whether there is any such mode."""
        return bool(self._names)

    def look(self) -> None:
        """See what has grown since the last look."""
        self._looks += 1
        for mode, name in self._names.items():
            numbers = None if self._looks % ALL_EVERY == 0 else self._ledger.outstanding(mode)[:KNOWN]
            at, effects = time.time(), []
            for number, many in self._cast.counts(name, numbers).items():
                effects += [Effect(number, at, "")] * max(0, many - self._counted.get(number, 0))
                self._counted[number] = many
            self._ledger.handle(mode, effects)

    def forget(self) -> None:
        """Remove them: the next run begins at zero."""
        for name in self._names.values():
            self._cast.forget(name, list(self._counted))
