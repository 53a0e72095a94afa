"""The reports of runs that were killed, made by a later run from what they had written down."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pytest_labkit.course import manifest
from pytest_labkit.course.submission import Staged
from pytest_labkit.domain.errors import KitError, UsageProblem
from pytest_labkit.domain.model import AnswerFile
from pytest_labkit.host.locks import alone_in
from pytest_labkit.host.settings import Settings
from pytest_labkit.report import published, write
from pytest_labkit.runs import journal
from pytest_labkit.runs.journal import Journaled
from pytest_labkit.runs.lab_run import LabRun, shown_path
from pytest_labkit.services import leftovers

_NOTE = "This run was cut off, and this report made afterwards from its journal: the rest had not finished."


def clear_the_ground(settings: Settings) -> list[str]:
    """Save what killed runs had found out, and remove what they left; a line about each."""
    lines = recover(settings)
    if gone := leftovers.sweep(settings):
        lines.append(f"cleaned up after a run that was killed: {', '.join(gone)}")
    return lines


def recover(settings: Settings) -> list[str]:
    """
    Write the report of each run of this checkout that was killed, and remove its journal.

    Returns a line for each, which says what was saved. A journal whose report cannot be written stays.
    """
    folder = journal.folder(settings.root)
    if not journal.orphans(folder):
        return []
    with alone_in(folder):  # another run may be at it
        return [_recovered(file, settings) for file in journal.orphans(folder)]


def _recovered(file: Path, settings: Settings) -> str:
    found = journal.read(file)
    if found is None:
        file.unlink(missing_ok=True)
        return f"{file.name}: a journal that cannot be read is thrown away"
    try:
        said = _reported(found, settings)
    except (UsageProblem, KeyError, TypeError, ValueError) as error:
        said = f"{file.name}: no report can be made of this journal: {error}"
    except KitError as error:
        return str(error)
    file.unlink(missing_ok=True)
    return said


def _reported(found: Journaled, settings: Settings) -> str:
    """Make the report of what was *found*; a line about it."""
    run = rebuilt(found, settings)
    when = f"{run.started_at.astimezone():%Y-%m-%d %H:%M:%S}"
    if not run.outcomes:
        return f"{run.name}: the run of {when} was cut off before a test had finished"
    report = run.report(found.lasted_s)
    said = f"{run.name}: the run of {when} was cut off; of it {_told(run)}"
    if _is_older(run.started_at, run.settings.report / run.lab.id / "report.json"):
        return f"{said}; a newer report is there already"
    page = write(published(report), run.settings.report, settings.root) / "report.html"
    return f"{said}; its report, incomplete: {shown_path(page, settings.root)}"


def rebuilt(found: Journaled, settings: Settings) -> LabRun:
    """The run that left the journal, as it was at its last line."""
    head = found.head
    lab = manifest.read(settings.root / head["lab"], settings.root)
    files = tuple(AnswerFile(f["path"], f["sha256"], Path(f["origin"])) for f in head["answers"])
    answers = tuple(Path(folder) for folder in head.get("folders", ()))
    asked = {
        "answers": answers,
        "door": head["door"],
        "seed": head["seed"],
        "criteria": tuple(head["criteria"]),
    }
    return LabRun(
        replace(settings, report=Path(head["report"]), **asked),
        Staged(lab, lab.folder, files, tuple(head["ignored"])),
        outcomes=found.outcomes,
        left_out=found.left_out,
        collected=set(head["tests"]),
        services=found.services,
        problems=[_NOTE],
        started_at=datetime.fromisoformat(head["started_at"]),
        cut_short=True,
    )


def _told(run: LabRun) -> str:
    """`3 tests are known (A1 passed, A2 failed)`"""
    results = {r.criterion.id: r for r in run.report(0.0).results}
    known = dict.fromkeys(outcome.criterion for outcome in run.outcomes)
    verdicts = ", ".join(f"{id_} {results[id_].verdict}" for id_ in known if id_ in results)
    count = len(run.outcomes)
    return f"{count} test{'s are' if count > 1 else ' is'} known ({verdicts})"


def _is_older(started_at: datetime, report: Path) -> bool:
    """Whether *report* is of a run that began after *started_at*."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        other = datetime.fromisoformat(json.loads(report.read_text("utf-8"))["started_at"])
        return other > started_at.replace(microsecond=0)
    return False
