"""Judges of the reads, for a history whose appends are in order; the docstrings define by example."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_labkit.checks.case import Case, found, shortest
from pytest_labkit.checks.finding import Finding, brief
from pytest_labkit.checks.history import Operation


@shortest
def wrong_read(case: Case) -> Iterator[Finding]:
    """
    A read that shows another event at a version than there is in the end, or one where there is none.

    `r1: read() ok: [a, x]`, `final: a b`: x was seen at version 2, and vanished or moved. What was read is
    a part of the final log from its start, without a hole.
    """
    for read in case.reads:
        for version, id_ in enumerate(read.ids, start=read.after + 1):
            holder = case.at.get(version)
            if holder != id_:
                yield found(
                    "wrong read",
                    f"at version {version} {'nothing' if holder is None else brief(holder)}, "
                    "as in the final log",
                    f"read as {brief(id_)}",
                    read,
                    *case.by(holder, id_)[:1],
                )
                break


@shortest
def stale_read(case: Case) -> Iterator[Finding]:
    """
    A read without an event that was there before the read began.

    `w1: append(0, [a]) ok` returned, then `r1: read() ok: []` was called: a was acknowledged and not shown.
    Likewise after another read that showed more: `r1: read() ok: [a]`, then `r2: read() ok: []`.
    """
    known: list[tuple[Operation, int]] = [(a.operation, a.last) for a in case.appends if a.ok and a.batch]
    known += [(read.operation, read.reaches) for read in case.reads if read.ids]
    for read in case.reads:
        before = [(o, reached) for o, reached in known if o.end < read.operation.start]
        earlier, reached = max(before, key=lambda pair: pair[1], default=(None, 0))
        if earlier is not None and read.reaches < reached:
            shown = "no event" if read.reaches == 0 else f"version {read.reaches}"
            yield found(
                "stale read",
                f"a read up to version {reached} at least: it was there before the read began",
                f"a read up to {shown}",
                earlier,
                read,
            )
