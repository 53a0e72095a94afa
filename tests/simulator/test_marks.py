"""Bursts are merged with their number, and never dropped."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_labkit.simulator.marks import Burst, Mark, Place, merged


def mark(partition: int, offset: int, at: float = 0.0) -> Mark:
    """A record there."""
    return Mark(partition, offset, at, "a", offset, offset, 1)


def test_few_are_drawn_one_by_one() -> None:
    """As many as may be drawn are drawn."""
    marks = [mark(0, 0), mark(1, 0), mark(0, 1)]
    assert (marks, []) == merged(marks, 3)


def test_more_are_bursts_with_their_number() -> None:
    """One of each partition, from its first offset to its last."""
    marks = [mark(0, 4, 1.0), mark(1, 7, 2.0), mark(0, 5, 3.0), mark(0, 6, 2.5)]
    assert ([], [Burst(0, 4, 6, 3, 1.0, 3.0), Burst(1, 7, 7, 1, 2.0, 2.0)]) == merged(marks, 3)


def test_what_a_violation_joins_stays_a_mark() -> None:
    """It stands between two bursts."""
    alone, bursts = merged([mark(0, offset) for offset in range(5)], 3, {Place(0, 2)})
    assert ([Place(0, 2)], [(0, 1), (3, 4)]) == (
        [m.place for m in alone],
        [(b.first, b.last) for b in bursts],
    )


@settings(deadline=None)  # it is about what is left, not how soon
@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 20), st.sets(st.integers(0, 20)))
def test_nothing_is_dropped(partitions: list[int], most: int, spared: set[int]) -> None:
    """Whatever comes: marks and the numbers of bursts add up to it."""
    marks = [mark(partition, offset) for offset, partition in enumerate(partitions)]
    alone, bursts = merged(marks, most, {Place(p, o) for o in spared for p in range(4)})
    assert len(marks) == len(alone) + sum(burst.many for burst in bursts)
