"""The order in which records came, judged one by one: inversions of a key, and copies."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from pytest_labkit.simulator.marks import Mark


class Violation(NamedTuple):
    """
    *mark* came behind *behind*, of the same key and with a higher sequence, *apart* records later.

    It was the *came*-th record of all.
    """

    mark: Mark
    behind: Mark
    apart: int
    came: int

    def __str__(self) -> str:
        here, there = self.mark, self.behind
        where = "in the same partition" if here.partition == there.partition else "in another partition"
        return (
            f"{here.name} (partition {here.partition}, offset {here.offset}) came behind {there.name} "
            f"(partition {there.partition}, offset {there.offset}), {where}."
        )


class Order:
    """
    What is to be said of the records that came so far.

    Attributes:
        violations: Those found so far, in the order in which they came.
        copies: How often each message has come, by its number.
        duplicates: How many records are copies of one that came before.
        shortest: The violation with the fewest records from one end to the other.
    """

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.copies: Counter[int] = Counter()
        self.duplicates = 0
        self.shortest: Violation | None = None
        self._came = 0
        self._seen: set[tuple[str, int]] = set()
        self._highest: dict[str, tuple[Mark, int]] = {}

    def add(self, mark: Mark) -> Violation | None:
        """Take *mark*; the violation that it is, if it is one. A copy of what came before is none."""
        self._came += 1
        if mark.number >= 0:
            self.copies[mark.number] += 1
            self.duplicates += self.copies[mark.number] > 1
        if mark.key is None or (mark.key, mark.sequence) in self._seen:
            return None
        self._seen.add((mark.key, mark.sequence))
        highest, came = self._highest.setdefault(mark.key, (mark, self._came))
        if mark.sequence >= highest.sequence:
            self._highest[mark.key] = mark, self._came
            return None
        found = Violation(mark, highest, self._came - came, self._came)
        self.violations.append(found)
        if self.shortest is None or found.apart < self.shortest.apart:
            self.shortest = found
        return found
