"""
What earlier runs have found out about criteria that this one does not check.

It is kept in the report: each run takes up what the last one says, as long as the answers that a criterion is
about are the same. It is shown as what it is, and passes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytest_labkit import __version__
from pytest_labkit.course.dependencies import answers_of
from pytest_labkit.course.submission import Staged
from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.domain.model import Earlier, Status, Verdict
from pytest_labkit.report import Document, read
from pytest_labkit.report.document import Criterion


def known(staged: Staged, report: Path) -> Mapping[str, Earlier]:
    """Criterion -> what the report in the file *report* knows of it, where the answers are as they were."""
    try:
        last = read(report)
    except UsageProblem:
        return {}
    if last.lab.id != staged.lab.id or last.kit_version != __version__ or last.status is Status.TAMPERED:
        return {}
    told = {c.id: found for c in (*last.criteria, *last.challenges) if (found := _told(c, last))}
    return {id_: found for id_, found in told.items() if _is_unchanged(id_, staged, last)}


def _told(criterion: Criterion, last: Document) -> Earlier | None:
    if criterion.verdict is Verdict.UNKNOWN:
        return criterion.earlier
    return Earlier(criterion.verdict, last.started_at)


def _is_unchanged(id_: str, staged: Staged, last: Document) -> bool:
    """Whether the answers that a criterion is about are those of the *last* run, and none is gone."""
    try:
        paths = answers_of(staged.lab.criterion(id_), staged)
    except KeyError:  # the lab has no such criterion any more
        return False
    before = {file.path: file.sha256 for file in last.answers}
    now = {file.path: file.sha256 for file in staged.files}
    gone = [path for path in before.keys() - now.keys() if not path.endswith(".py")]
    return not gone and all(before.get(path) == now[path] for path in paths)
