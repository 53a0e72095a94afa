"""How far a group is behind, and when it will have caught up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

STEADY_S = 5.0
"""Seconds that a trend is taken from."""


class Bounds(NamedTuple):
    """Where a partition begins and ends, and what a group has committed there, `None` if nothing."""

    log_start: int
    high_watermark: int
    committed: int | None

    @property
    def lag(self) -> int:
        """
        Records that the group has not read and that are still there.

        What retention has deleted below the log's start is no lag, whatever was committed.
        """
        return max(0, self.high_watermark - max(self.committed or 0, self.log_start))


class Sample(NamedTuple):
    """The lag at an instant, in seconds."""

    at: float
    lag: int


def time_to_zero(samples: Sequence[Sample]) -> float | None:
    """
    Seconds until the lag is zero if it goes on as in the last `STEADY_S`.

    0.0 if it is; `None` if it does not get less, or too little is known.
    """
    if not samples:
        return None
    last = samples[-1]
    if last.lag == 0:
        return 0.0
    first = next(sample for sample in samples if sample.at >= last.at - STEADY_S)
    if first.lag <= last.lag:
        return None
    return last.lag * (last.at - first.at) / (first.lag - last.lag)
