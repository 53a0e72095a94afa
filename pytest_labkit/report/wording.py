"""
What a report says in words and figures, so that every format says it alike.

The numbers come from the document as they stand; nothing is judged here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from pytest_labkit.domain.figures import figure
from pytest_labkit.domain.model import Checks, Measurement, Message, Part, Promise, Verdict
from pytest_labkit.report.document import Criterion, Document

GLYPHS = {"passed": "✓", "failed": "✗", "error": "✗", "todo": "○", "blocked": "-", "unknown": "?"}

PRINTED = "captured output"
"""The label of what was printed while a check failed."""

DID_NOT_RUN = "a run"
"""What is expected of a criterion that did not run, as against one in which the kit or a service broke."""

# What the run as a whole came to, where that is not said by the criteria themselves.
STATUS = {
    "incomplete": "Incomplete: not every criterion was checked.",
    "unknown": "Unknown: the kit or a service broke. What could not be checked costs nobody a point.",
    "tampered": "Tampered: the checks did not run as the kit ships them. The verdicts below mean nothing.",
}


def lab_name(document: Document) -> str:
    """`Lab 3` for the lab `lab3`; any other id as it is."""
    numbered = re.fullmatch(r"lab(\d+)", document.lab.id)
    return f"Lab {numbered[1]}" if numbered else document.lab.id


def outcome(document: Document) -> str:
    """The run in one sentence."""
    if document.passed:
        return "Passed: every required criterion is met."
    return STATUS.get(document.status, "Not passed yet.")


def counts(document: Document) -> dict[str, int]:
    """How many criteria ended with each verdict, in the order of `Verdict`, those with none left out."""
    verdicts = [criterion.verdict for criterion in document.criteria]
    return {verdict.value: verdicts.count(verdict) for verdict in Verdict if verdict in verdicts}


def tally(document: Document) -> str:
    """`3 passed · 1 failed · 3 todo`."""
    return " · ".join(f"{n} {verdict}" for verdict, n in counts(document).items()) or "no criteria"


def points(document: Document) -> str:
    """`12 of 40 points`; `4 of 40 points, 12 with earlier runs`."""
    text = f"{document.points.earned} of {document.points.possible} points"
    with_earlier = document.points.earned + earned_before(document.criteria)
    return text if with_earlier == document.points.earned else f"{text}, {with_earlier} with earlier runs"


def earned_before(criteria: Sequence[Criterion]) -> int:
    """The points of *criteria* that did not run, and passed in an earlier run on the same answers."""
    return sum(c.points.possible for c in criteria if c.earlier and c.earlier.verdict is Verdict.PASSED)


def did_not_run(criterion: Criterion) -> bool:
    """Whether nothing of it was checked, as against: the kit or a service broke."""
    message = criterion.message
    return criterion.verdict == "unknown" and (not message or message.expected == DID_NOT_RUN)


def checks(criterion: Criterion) -> str:
    """`2 of 14 checks failed`; `1 failed, 2 passed, 11 not run`; nothing where there is but one."""
    counted = criterion.checks
    if counted is None or not counted.failed or counted == Checks(0, 1, 0):
        return ""
    if not counted.not_run:
        return f"{counted.failed} of {counted.failed + counted.passed} checks failed"
    failed = f"{counted.failed} failed"
    passed = [f"{counted.passed} passed"] if counted.passed else []
    return ", ".join([failed, *passed, f"{counted.not_run} not run"])


def told(criterion: Criterion) -> list[tuple[str, str]]:
    """The labelled texts about a criterion: how many of its checks failed, and what the first says."""
    failed = checks(criterion) if criterion.verdict in ("failed", "error", "blocked") else ""
    return [*([("checks", failed)] if failed else []), *fields(criterion.message)]


def by_part(document: Document) -> list[tuple[Part, list[Criterion]]]:
    """The parts of the lab in order, each with its criteria; parts without any are left out."""
    parts = {part.id: part for part in document.lab.parts}
    criteria: dict[str, list[Criterion]] = {id_: [] for id_ in parts}
    for criterion in document.criteria:
        id_ = criterion.part
        parts.setdefault(id_, Part(id_, "", 0))
        criteria.setdefault(id_, []).append(criterion)
    return [(part, criteria[id_]) for id_, part in parts.items() if criteria[id_]]


def fields(message: Message | None) -> list[tuple[str, str]]:
    """The labelled texts of a message, those that say nothing left out."""
    if message is None:
        return []
    labelled = [
        ("checked", message.checked),
        ("expected", message.expected),
        ("got", message.got),
        ("broken", message.broken),
        ("perhaps", message.perhaps),
        ("look at", message.look_at),
        ("promise", _promised(message.promises)),
        (PRINTED, message.printed),
    ]
    return [(label, text) for label, text in labelled if text and text.strip()]


def _promised(promises: Sequence[Promise]) -> str:
    """The sentence and its place; of several, which a test checks together, the ids and places alone."""
    if len(promises) == 1:
        return str(promises[0])
    lines = ", ".join(promise.at.rpartition(":")[2] for promise in promises)
    ids = ", ".join(promise.id for promise in promises)
    return f"{ids} ({promises[0].at.rpartition(':')[0]}:{lines})" if promises else ""


def measured(measurement: Measurement) -> str:
    """`throughput 18,412 events/s (target >= 10000)`; a missed target says `missed`."""
    said = " ".join([measurement.name, figure(measurement.value), measurement.unit]).strip()
    if measurement.target is None:
        return said
    missed = ", missed" if measurement.met is False else ""
    if missed and measurement.reference is not None:
        missed += f"; the reference {figure(measurement.reference)}"
    return f"{said} (target {measurement.target}{missed})"


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, as in `report.json`: `2026-11-23T10:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(duration_s: float) -> str:
    """`0.04 s`, `12.3 s`, `2 min 5 s`."""
    if math.isnan(duration_s):
        return "unknown time"
    if duration_s >= 120:
        return f"{int(duration_s // 60):,} min {int(duration_s % 60)} s"
    return f"{duration_s:.1f} s" if duration_s >= 1 else f"{duration_s:.2f} s"


DIRECT = (
    "Your code ran in the same process as its checks (door direct): right for practice, no proof to others; "
    "--lab-door process keeps the two apart."
)
"""What every report of door `direct` says; not in the terminal, where a student would read it at each run."""
