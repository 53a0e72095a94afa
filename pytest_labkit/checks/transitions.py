"""
A judge of states, such as those of a circuit breaker: which may follow which, and how soon.

`state` is an observation: it is `ok` and returns the name of the state. A process sees its own
observations in their order, and each process is judged for itself: of two that overlap nobody can say
which was first. Who looks too rarely sees steps that were not there (open, then closed); whether those
are allowed is for the test to say, which knows how it looks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise

from pytest_labkit.checks.finding import Finding, earliest
from pytest_labkit.checks.history import Operation, Outcome


def wrong_transition(
    history: Iterable[Operation],
    allowed: Mapping[str, Collection[str]],
    *,
    first: str | None = None,
    stays_s: Mapping[tuple[str, str], float] | None = None,
) -> Finding | None:
    """
    A state that may not follow the one before it, or follows it too soon.

    `t1: state() ok: CLOSED`, `t1: state() ok: HALF_OPEN`, where only `OPEN` may follow `CLOSED`.

    Args:
        history: Observations; other operations are not looked at.
        allowed: State -> the states that may follow it. One that is no key is not allowed at all.
        first: The state to begin in, if that is known.
        stays_s: (state, next state) -> seconds that the state lasts before that step, at least. It is
            too soon only if it must have been: from the last sight of the state before it, until the
            first sight of the one behind it, was less.
    """
    observations = [o for o in history if o.name == "state" and o.outcome is Outcome.OK]
    lanes: dict[str, list[Operation]] = {}
    for observation in sorted(observations, key=lambda o: o.start):
        lanes.setdefault(observation.process, []).append(observation)
    return earliest(found for lane in lanes.values() for found in _wrong(lane, allowed, first, stays_s or {}))


def _wrong(
    lane: Sequence[Operation],
    allowed: Mapping[str, Collection[str]],
    first: str | None,
    stays_s: Mapping[tuple[str, str], float],
) -> Iterator[Finding]:
    if first is not None and lane[0].value != first:
        yield Finding("wrong state", f"{first} at first", str(lane[0].value), (lane[0],))
    for seen in (o for o in lane if o.value not in allowed):
        yield Finding("wrong state", f"one of {', '.join(allowed)}", str(seen.value), (seen,))
    for before, after in pairwise(lane):
        if after.value not in {before.value, *allowed.get(before.value, ())}:
            expected = " or ".join(allowed.get(before.value, ())) or "no other state"
            yield Finding(
                "wrong transition", f"{expected} after {before.value}", str(after.value), (before, after)
            )
    yield from _too_soon(lane, stays_s)


def _too_soon(lane: Sequence[Operation], stays_s: Mapping[tuple[str, str], float]) -> Iterator[Finding]:
    spells = [list(spell) for _, spell in groupby(lane, key=lambda observation: observation.value)]
    for n, (spell, following) in enumerate(pairwise(spells)):
        least = stays_s.get((spell[0].value, following[0].value))
        # It began after the last sight of the state before; in the first spell nobody knows when.
        since = spells[n - 1][-1].start if n else None
        if least is None or since is None:
            continue
        lasted = following[0].end - since
        if lasted < least:
            yield Finding(
                "too soon",
                f"{following[0].value} after {least:g} s of {spell[0].value}, not before",
                f"after {lasted:.3g} s at most",
                (spells[n - 1][-1], spell[0], following[0]),
            )
