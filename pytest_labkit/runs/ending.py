"""The end of a run: the report of every lab written, and the exit code that follows. Knows no pytest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_labkit.domain.errors import LabkitError
from pytest_labkit.domain.model import Status, Verdict
from pytest_labkit.report import Document, published, write
from pytest_labkit.runs.lab_run import LabRun

EXIT_PASSED, EXIT_NOT_YET, EXIT_BROKEN, EXIT_TAMPERED, EXIT_INCOMPLETE = 0, 1, 20, 21, 22
_WORST_EXIT_FIRST = (EXIT_TAMPERED, EXIT_BROKEN, EXIT_NOT_YET, EXIT_INCOMPLETE)


@dataclass
class Ending:
    """
    *reports*, each with its page if one was written; *problems* are lines on what could not be.

    *wanted* are the criteria that were asked for, none where all were.
    """

    reports: list[tuple[Document, Path | None]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    wanted: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """The exit code of the run, by the table of the contract; 20 if a report could not be written."""
        if any(page is None for _, page in self.reports):
            return EXIT_BROKEN
        codes = {_exit_code(document, self.wanted) for document, _ in self.reports}
        return next((code for code in _WORST_EXIT_FIRST if code in codes), EXIT_PASSED)


def end(runs: Iterable[LabRun], duration_s: float) -> Ending:
    """Write the reports of *runs*; a journal is thrown away once its report is written."""
    ending = Ending()
    for run in runs:
        ending.wanted = run.settings.criteria
        if not run.outcomes or _is_reported(run, duration_s, ending):
            run.discard_journal()
    return ending


def _is_reported(run: LabRun, duration_s: float, ending: Ending) -> bool:
    """Add the report of *run* to *ending*; whether it could be written."""
    document, page = published(run.report(duration_s)), None
    try:
        page = write(document, run.settings.report, run.settings.root) / "report.html"
    except LabkitError as error:
        ending.problems.append(str(error))
    ending.reports.append((document, page))
    return page is not None


def _exit_code(document: Document, wanted: Sequence[str]) -> int:
    if document.status is Status.TAMPERED:
        return EXIT_TAMPERED
    if document.status is Status.UNKNOWN:
        return EXIT_BROKEN
    asked_for = [c.verdict for c in (*document.criteria, *document.challenges) if c.id in wanted] or [
        criterion.verdict for criterion in document.criteria if criterion.required
    ]
    if any(verdict not in (Verdict.PASSED, Verdict.UNKNOWN) for verdict in asked_for):
        return EXIT_NOT_YET
    return EXIT_PASSED if document.passed else EXIT_INCOMPLETE
