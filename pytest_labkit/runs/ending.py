"""The end of a run: the report of every lab written, and the exit code that follows. Knows no pytest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pytest_labkit.domain.errors import LabkitError
from pytest_labkit.domain.model import Report
from pytest_labkit.report import write
from pytest_labkit.runs.lab_run import EXIT_BROKEN, LabRun, exit_code


@dataclass
class Ending:
    """*reports*, each with its page if one was written; *problems* are lines on what could not be."""

    reports: list[tuple[Report, Path | None]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """By the table of the contract; 20 if a report could not be written."""
        unwritten = any(page is None for _, page in self.reports)
        return EXIT_BROKEN if unwritten else exit_code(report for report, _ in self.reports)


def end(runs: Iterable[LabRun], duration_s: float) -> Ending:
    """Write the reports of *runs*; a journal is thrown away once its report is written."""
    ending = Ending()
    for run in runs:
        if not run.outcomes or _is_reported(run, duration_s, ending):
            run.discard_journal()
    return ending


def _is_reported(run: LabRun, duration_s: float, ending: Ending) -> bool:
    """Add the report of *run* to *ending*; whether it could be written."""
    report, page = run.report(duration_s), None
    try:
        page = write(report, run.settings.report) / "report.html"
    except LabkitError as error:
        ending.problems.append(str(error))
    ending.reports.append((report, page))
    return page is not None
