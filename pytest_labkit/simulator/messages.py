"""Which messages a run sends: they follow from its seed, and from nothing else."""

from __future__ import annotations

import random
from collections import Counter
from itertools import accumulate

from pytest_labkit.domain import seeds
from pytest_labkit.simulator.sending import Planned


class Messages:
    """The messages of a run, in order; of so many *keys*, in turn or, if *skewed*, some far more often."""

    def __init__(self, seed: int, keys: int, *, skewed: bool) -> None:
        self.planned = 0
        self._keys = [f"order-{number}" for number in range(keys)]
        self._sequences: Counter[str] = Counter()
        self._chance = random.Random(seeds.derive(seed, "simulator", "keys"))  # noqa: S311
        self._weights = [*accumulate(1 / (rank + 1) for rank in range(keys))] if skewed else None

    def next(self) -> Planned:
        """The next message."""
        key = self._key()
        planned = Planned(self.planned, key, self._sequences[key])
        self._sequences[key] += 1
        self.planned += 1
        return planned

    def _key(self) -> str:
        if self._weights is None:
            return self._keys[self.planned % len(self._keys)]
        return self._chance.choices(self._keys, cum_weights=self._weights)[0]
