"""What the judges look at, a history beside a final log, and the words in which they tell of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps

from pytest_labkit.checks.finding import Finding, brief, earliest
from pytest_labkit.checks.history import Operation, Outcome

Final = Sequence[tuple[int, str]]
Judge = Callable[[Iterable[Operation], Final], Finding | None]


@dataclass(frozen=True)
class Append:
    """An append, and the versions that it claims for its batch."""

    operation: Operation

    @cached_property
    def batch(self) -> tuple[str, ...]:
        return tuple(self.operation.args["batch"])

    @cached_property
    def first(self) -> int:
        return int(self.operation.args["expected_version"]) + 1

    @property
    def last(self) -> int:
        return self.first + len(self.batch) - 1

    def claims(self, id_: str) -> int:
        """The version that it claims for one event of its batch."""
        return self.first + self.batch.index(id_)

    @property
    def ok(self) -> bool:
        return self.operation.outcome is Outcome.OK

    @property
    def refused(self) -> bool:
        return self.operation.outcome is Outcome.FAILED


@dataclass(frozen=True)
class Read:
    """A read that returned, and the versions that it shows."""

    operation: Operation

    @cached_property
    def after(self) -> int:
        return int(self.operation.args.get("from_version", 0))

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.operation.value)

    @property
    def reaches(self) -> int:
        return self.after + len(self.ids)


class Case:
    """A history and a final log, looked at from the sides that the judges need."""

    def __init__(self, history: Iterable[Operation], final: Final) -> None:
        operations = sorted(history, key=lambda operation: operation.start)
        self.appends = [Append(o) for o in operations if o.name == "append"]
        self.reads = [Read(o) for o in operations if o.name == "read" and o.outcome is Outcome.OK]
        self.final = list(final)
        self._check_batches()

    def _check_batches(self) -> None:
        for id_, appends in self.writers.items():
            if len({append.batch for append in appends}) > 1 or Counter(appends[0].batch)[id_] > 1:
                raise ValueError(f"event {id_} is in two batches, or twice in one: it cannot be told apart")

    @cached_property
    def writers(self) -> dict[str, list[Append]]:
        """The appends that carry an id."""
        writers: dict[str, list[Append]] = {}
        for append in self.appends:
            for id_ in dict.fromkeys(append.batch):
                writers.setdefault(id_, []).append(append)
        return writers

    @cached_property
    def not_refused(self) -> list[Append]:
        return [append for append in self.appends if not append.refused]

    @cached_property
    def place(self) -> dict[str, int]:
        """Where an id stands in the final list, counted from 0; the first place if there are several."""
        return {id_: i for i, (_, id_) in reversed(list(enumerate(self.final)))}

    @cached_property
    def version(self) -> dict[str, int]:
        """The version of an id in the final log; the first if there are several."""
        return {id_: version for version, id_ in reversed(self.final)}

    @cached_property
    def at(self) -> dict[int, str]:
        """The id at a version of the final log."""
        return dict(reversed(self.final))

    def by(self, *ids: str | None) -> list[Append]:
        """The appends that carry these ids; those that may have written them, if there are any."""
        carriers = [append for id_ in ids if id_ is not None for append in self.writers.get(id_, [])]
        return [append for append in carriers if not append.refused] or carriers


Find = Callable[[Case], Iterator[Finding]]


def shortest(find: Find) -> Judge:
    """A judge that returns the shortest of what *find* yields, the earliest of equals."""

    @wraps(find)
    def judge(history: Iterable[Operation], final: Final) -> Finding | None:
        return earliest(find(Case(history, final)))

    return judge


def found(anomaly: str, expected: str, got: str, *shown_by: Append | Read | Operation) -> Finding:
    """A finding with these operations as evidence, each once and ordered by start."""
    operations = [by if isinstance(by, Operation) else by.operation for by in shown_by]
    distinct = {id(operation): operation for operation in operations}.values()
    return Finding(anomaly, expected, got, tuple(sorted(distinct, key=lambda o: o.start)))


def whose(append: Append) -> str:
    """`w1's batch [a, b]`."""
    return f"{append.operation.process}'s batch {brief(append.batch)}"


def claim(append: Append) -> str:
    """`w1's batch [a, b] as versions 1 to 2`."""
    return f"{whose(append)} as {span(append.first, append.last)}"


def span(first: int, last: int) -> str:
    """`version 2`, or `versions 2 to 4`."""
    return f"version {first}" if first == last else f"versions {first} to {last}"


def names(ids: Sequence[str]) -> str:
    """`a, b and c`; of more than four the first four and how many more."""
    shown = [brief(id_) for id_ in ids[:4]]
    return listed(shown) if len(ids) <= 4 else f"{', '.join(shown)} and {len(ids) - 4} more"


def listed(words: Sequence[str]) -> str:
    """`1, 2 and 3`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
