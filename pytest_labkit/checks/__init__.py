"""
Pure judges of a history: each looks for one anomaly and returns the `Finding` with the least evidence.

`messages` judges a message log, `availability` which share of calls was served, `transitions` which state
followed which. What stands here judges an append log with optimistic concurrency, over a history and the
final log.

A log is empty when its history begins; its first event is at version 1. `append` has the arguments
`expected_version`, the version that the caller believes the log to be at, and `batch`, the ids of new
events: if the log is at that version they become the next ones, all of them together, else the call is
refused. `read` returns the ids from version 1 on, or those after its argument `from_version`. Other
operations are not looked at. `final` is the log as it is found in the end: pairs of version and id, in the
order in which they are read.

An append that is `ok` must be there, one that `failed` must not, one that is `unknown` may or may not be
there, but whole. An id belongs to one batch; a batch is appended again only to try it again.

A judge returns `None` if there is no anomaly. `append_log` and `reads` ask all of their kind;
`refused_without_rival` stands by itself, for it has a condition. In the examples, `w1: append(0, [a]) ok`
is a call of writer w1 with expected version 0, and `final: a b` a log with a at version 1 and b at
version 2.

The judges do not ask whether anything was written at all: a test that needs a winner has to look for one.
"""

from __future__ import annotations

from collections.abc import Iterable

from pytest_labkit.checks.appends import (
    duplicate,
    gap,
    lost,
    made_up,
    misplaced,
    out_of_order,
    refused_without_rival,
    torn,
    two_winners,
    written_though_refused,
)
from pytest_labkit.checks.case import Final, Judge
from pytest_labkit.checks.finding import Finding, timeline
from pytest_labkit.checks.history import Operation
from pytest_labkit.checks.reads import stale_read, wrong_read

__all__ = [
    "Final",
    "Finding",
    "append_log",
    "duplicate",
    "gap",
    "lost",
    "made_up",
    "misplaced",
    "out_of_order",
    "reads",
    "refused_without_rival",
    "stale_read",
    "timeline",
    "torn",
    "two_winners",
    "written_though_refused",
    "wrong_read",
]


def append_log(history: Iterable[Operation], final: Final) -> Finding | None:
    """The first anomaly among the appends, those first that explain most; `None` if there is none."""
    return _first(
        (two_winners, written_though_refused, duplicate, torn, lost, gap, out_of_order, misplaced, made_up),
        history,
        final,
    )


def reads(history: Iterable[Operation], final: Final) -> Finding | None:
    """The first anomaly among the reads; `None` if there is none."""
    return _first((wrong_read, stale_read), history, final)


def _first(judges: Iterable[Judge], history: Iterable[Operation], final: Final) -> Finding | None:
    operations = list(history)
    findings = (judge(operations, final) for judge in judges)
    return next((finding for finding in findings if finding is not None), None)
