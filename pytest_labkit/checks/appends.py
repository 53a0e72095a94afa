"""Judges of the appends: each looks for one anomaly, which its docstring defines by example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from pytest_labkit.checks.case import Append, Case, claim, found, listed, names, shortest, span, whose
from pytest_labkit.checks.finding import Finding, brief


@shortest
def two_winners(case: Case) -> Iterator[Finding]:
    """
    Two acknowledged appends for one version.

    `w1: append(0, [a]) ok` and `w2: append(0, [b]) ok`: both were told that theirs is version 1. So were
    `w1: append(0, [a, b, c]) ok` and `w2: append(1, [d]) ok`, of version 2: a stale writer inside a batch.
    """
    winners = sorted((a for a in case.appends if a.ok and a.batch), key=lambda append: append.first)
    for one, other in pairwise(winners):
        if other.first <= one.last:
            yield found(
                "two winners",
                f"one acknowledged append for version {other.first}",
                f"two: {claim(one)}, and {claim(other)}",
                one,
                other,
            )


@shortest
def written_though_refused(case: Case) -> Iterator[Finding]:
    """
    An event in the log whose every append was refused.

    `w1: append(0, [a, b]) failed`, `final: a`: the call said no, after it had begun to write.
    """
    for append in case.appends:
        written = [i for i in append.batch if i in case.place and all(a.refused for a in case.writers[i])]
        if written:
            yield found(
                "written though refused",
                f"nothing of {whose(append)} in the log: the call was refused",
                f"{names(written)} at {'version' if len(written) == 1 else 'versions'} "
                f"{listed([str(case.version[id_]) for id_ in written])}",
                append,
            )


@shortest
def duplicate(case: Case) -> Iterator[Finding]:
    """
    One event twice in the log.

    `w1: append(0, [a]) ok`, `final: a a`: a try after a lost reply wrote it again.
    """
    times = Counter(id_ for _, id_ in case.final)
    for id_ in (id_ for id_, n in times.items() if n > 1):
        versions = [str(version) for version, other in case.final if other == id_]
        yield found(
            "duplicate",
            f"event {brief(id_)} once in the log",
            f"it is at versions {listed(versions)}",
            *case.writers.get(id_, []),
        )


@shortest
def torn(case: Case) -> Iterator[Finding]:
    """
    A part of a batch, or a batch with other events inside it.

    `w1: append(0, [a, b, c]) unknown`, `final: a b`: all three or none could be there.
    `w1: append(0, [a, b]) ok`, `w2: append(1, [x]) ok`, `final: a x b`: not one write.
    """
    for append in case.not_refused:
        there = [id_ for id_ in append.batch if id_ in case.place]
        if 0 < len(there) < len(append.batch):
            missing = [id_ for id_ in append.batch if id_ not in case.place]
            yield found(
                "torn batch",
                f"all {len(append.batch)} events of {whose(append)} in the log, or none",
                f"{len(there)} of them: {names(there)}, and not {names(missing)}",
                append,
            )
        elif there:
            yield from _interleaved(case, append)


def _interleaved(case: Case, append: Append) -> Iterator[Finding]:
    places = sorted(case.place[id_] for id_ in append.batch)
    for before, after in pairwise(places):
        if after > before + 1:
            stranger = case.final[before + 1][1]
            yield found(
                "torn batch",
                f"the {len(append.batch)} events of {whose(append)} next to each other",
                f"{brief(stranger)} stands between {brief(case.final[before][1])} and "
                f"{brief(case.final[after][1])}",
                append,
                *case.by(stranger),
            )


@shortest
def lost(case: Case) -> Iterator[Finding]:
    """
    An acknowledged event that is not in the log.

    `w1: append(0, [a]) ok`, `final:` nothing. Where another event is at its version, as in
    `w2: append(0, [b]) unknown`, `final: b`, the evidence names who wrote it.
    """
    for append in (a for a in case.appends if a.ok):
        missing = [id_ for id_ in append.batch if id_ not in case.place]
        if missing:
            version = append.first + append.batch.index(missing[0])
            holder = case.at.get(version)
            yield found(
                "lost",
                f"{names(missing)} in the log: the append was acknowledged",
                f"not there; version {version} {'is empty' if holder is None else f'holds {brief(holder)}'}",
                append,
                *case.by(holder),
            )


@shortest
def gap(case: Case) -> Iterator[Finding]:
    """
    A version that no event is at, below one that an event is at.

    `w1: append(5, [a]) ok`, `final:` a at version 6 and nothing below: an expected version ahead of the end
    was taken.
    """
    for before, after in pairwise([0, *sorted(case.at)]):
        if after > before + 1:
            yield found(
                "gap",
                f"an event at {span(before + 1, after - 1)}",
                f"none, though {brief(case.at[after])} is at version {after}",
                *case.by(case.at[after]),
            )


@shortest
def out_of_order(case: Case) -> Iterator[Finding]:
    """
    Events that stand in another order than their versions, their batch or the clock says.

    Versions: `final:` a at 2, b at 1. Batch: `w1: append(0, [a, b]) ok`, `final: b a`. Clock:
    `w1: append(1, [a]) ok` returned before `w2: append(0, [b]) ok` was called, `final: b a`: when a was
    acknowledged, there was no version 1 that it could come after.
    """
    for (version, id_), (next_version, next_id) in pairwise(case.final):
        if next_version <= version:
            yield found(
                "out of order",
                f"a version above {version} after event {brief(id_)}",
                f"event {brief(next_id)} at version {next_version}",
                *case.by(id_, next_id),
            )
    for append in case.not_refused:
        for one, other in pairwise(id_ for id_ in append.batch if id_ in case.place):
            if case.place[other] < case.place[one]:
                yield found(
                    "out of order",
                    f"{brief(one)} before {brief(other)}, as in {whose(append)}",
                    f"{brief(other)} before {brief(one)}",
                    append,
                )
    yield from _against_the_clock(case)


def _against_the_clock(case: Case) -> Iterator[Finding]:
    """From the end of the log: the acknowledged append that ended first of those that stand further on."""
    there = [append for append in case.not_refused if append.batch and append.batch[0] in case.place]
    earliest = None
    for append in sorted(there, key=lambda a: case.place[a.batch[0]], reverse=True):
        sent = min(a.operation.start for a in case.writers[append.batch[0]])
        if earliest is not None and earliest.operation.end < sent:
            one, other = brief(earliest.batch[0]), brief(append.batch[0])
            yield found(
                "out of order",
                f"{one} before {other}: it was acknowledged before {other} was sent",
                f"{other} before {one}",
                earliest,
                append,
            )
        if append.ok and (earliest is None or append.operation.end < earliest.operation.end):
            earliest = append


@shortest
def misplaced(case: Case) -> Iterator[Finding]:
    """
    A batch that does not follow its expected version.

    `w1: append(5, [a]) ok`, `final: a`: a is at version 1, and the call was for version 6. Of tries of one
    batch, one must fit; of those that were acknowledged, every one.
    """
    for append in case.not_refused:
        there = [id_ for id_ in append.batch if id_ in case.version]
        tries = [a for a in case.writers[there[0]] if not a.refused] if there else []
        claims = [append] if append.ok else tries
        if there and all(case.version[there[0]] != a.claims(there[0]) for a in claims):
            yield found(
                "misplaced",
                f"{brief(there[0])} at version {append.claims(there[0])}, "
                f"next after expected version {append.first - 1}",
                f"it is at version {case.version[there[0]]}",
                append,
            )


@shortest
def made_up(case: Case) -> Iterator[Finding]:
    """
    An event in the log that nobody appended.

    `w1: append(0, [a]) unknown`, `final: z`: the id was changed on the way, or is not from this log.
    """
    for version, id_ in case.final:
        if id_ not in case.writers:
            claims = [a for a in case.not_refused if a.first <= version <= a.last]
            yield found(
                "made up",
                "no event in the log but those that were appended",
                f"{brief(id_)} at version {version}, which is in no append",
                *claims[:1],
            )


@shortest
def refused_without_rival(case: Case) -> Iterator[Finding]:
    """
    A refused append though the log was at the expected version for as long as the call took.

    `w1: append(0, [a]) failed`, and nobody else appended: with what was w1 in conflict? A store that refuses
    everything is found by this, and one that takes its own second try for a rival.

    It is for histories in which `failed` means refused for its version, and nothing else.
    """
    for append in (a for a in case.appends if a.refused):
        others = [a for a in case.not_refused if a.batch]
        least = max((a.last for a in others if a.ok and a.operation.end < append.operation.start), default=0)
        most = max((a.last for a in others if a.operation.start < append.operation.end), default=0)
        if least == most == append.first - 1:
            yield found(
                "refused without a rival",
                f"accepted: the log was at version {least} from the call's start to its end",
                "refused",
                append,
            )
