"""
Judges of availability: which share of the calls to a service were answered, and since when they are again.

Every operation of the history is a call, and its caller was served if it is `ok`; whether a degraded
answer counts as that is for the test to record. A call counts at its start, and one that has not ended
was not served. What is judged is what callers saw: without calls nothing is known, and that is an error.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from pytest_labkit.checks.finding import Finding
from pytest_labkit.checks.history import Operation, Outcome


@dataclass(frozen=True)
class Window:
    """The calls that began in the *every_s* seconds from *start*, and how many of them were served."""

    start: float
    calls: int
    served: int

    @property
    def share(self) -> float:
        """Of 1; there is no window without calls."""
        return self.served / self.calls


def over_time(history: Iterable[Operation], every_s: float = 1.0) -> list[Window]:
    """The windows of *every_s* seconds, from the first call on, that calls began in."""
    calls = _ordered(history)
    zero = calls[0].start if calls else 0.0
    windows = groupby(calls, key=lambda call: math.floor((call.start - zero) / every_s))
    return [_window(zero + number * every_s, list(group)) for number, group in windows]


def _window(start: float, calls: list[Operation]) -> Window:
    return Window(start, len(calls), sum(map(_is_served, calls)))


def unavailable(
    history: Iterable[Operation], share: float, *, since: float = -math.inf, until: float = math.inf
) -> Finding | None:
    """
    Fewer than *share* (of 1) of the calls were served that began from *since* to before *until*.

    The evidence is the longest time without an answer: the calls around it, and the first in it.

    Raises:
        ValueError: No call began in that time.
    """
    calls = [call for call in _ordered(history) if since <= call.start < until]
    if not calls:
        raise ValueError("no call was made in that time: its availability is not known")
    found = _window(calls[0].start, calls)
    if found.share >= share:
        return None
    outage = _longest_outage(calls)
    around = _around(calls, outage)
    return Finding(
        "unavailable",
        f"{share:.0%} of the calls served, or more",
        f"{found.served} of {found.calls} ({found.share:.1%}); {len(outage)} in a row were not, "
        f"over {outage[-1].start - outage[0].start:.1f} s",
        around,
    )


def late_recovery(
    history: Iterable[Operation], *, since: float, within_s: float, in_a_row: int = 5
) -> Finding | None:
    """
    Calls are not served again *within_s* seconds after *since*, when a fault ended.

    They are served again from the first of *in_a_row* calls on that are all served.

    Raises:
        ValueError: Fewer than *in_a_row* calls began after *since*.
    """
    calls = [call for call in _ordered(history) if call.start >= since]
    if len(calls) < in_a_row:
        raise ValueError(f"only {len(calls)} calls were made after that moment: recovery is not known")
    steady = (run for run in (calls[n : n + in_a_row] for n in range(len(calls) - in_a_row + 1)))
    back = next((run[0] for run in steady if all(map(_is_served, run))), None)
    if back is not None and back.start - since <= within_s:
        return None
    last = [call for call in calls if not _is_served(call) and (back is None or call.start < back.start)][-1:]
    seen = "never" if back is None else f"{back.start - since:.1f} s after it"
    return Finding(
        "late recovery",
        f"calls served again within {within_s:g} s of the fault's end, {in_a_row} in a row",
        f"{seen}, in {calls[-1].start - since:.1f} s of calls",
        (*last, *([back] if back else [])),
    )


def _ordered(history: Iterable[Operation]) -> list[Operation]:
    return sorted(history, key=lambda operation: operation.start)


def _is_served(call: Operation) -> bool:
    return call.outcome is Outcome.OK


def _longest_outage(calls: list[Operation]) -> list[Operation]:
    """The calls in a row that were not served over the longest time; the first of equals."""
    runs = [list(run) for served, run in groupby(calls, key=_is_served) if not served]
    return max(runs, key=lambda run: (run[-1].start - run[0].start, len(run)))


def _around(calls: list[Operation], outage: list[Operation]) -> tuple[Operation, ...]:
    """The last answer before, the first and the last call without one, and the first answer after."""
    first, last = calls.index(outage[0]), calls.index(outage[0]) + len(outage) - 1
    places = dict.fromkeys([max(first - 1, 0), first, last, min(last + 1, len(calls) - 1)])
    return tuple(calls[place] for place in places)
