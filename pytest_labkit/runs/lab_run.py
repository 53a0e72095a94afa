"""
One run of one lab: the outcomes of its tests so far, and the report they make.

Knows no pytest. A criterion has run when every one of its tests has: tests are counted in the lab's
files, not in what was collected, so that a test that was left out never passes a criterion.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil

from pytest_labkit import __version__
from pytest_labkit.checks.finding import Counterexample
from pytest_labkit.checks.measure import MissedTarget
from pytest_labkit.checks.targets import TOO_SLOW
from pytest_labkit.course import promises
from pytest_labkit.course.called import last_call
from pytest_labkit.course.sources import line_of
from pytest_labkit.course.submission import Staged
from pytest_labkit.course.testfiles import tests_of
from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.domain.model import (
    Criterion,
    CriterionResult,
    Frame,
    Lab,
    Message,
    Promise,
    Report,
    ServiceInfo,
    Status,
    Verdict,
)
from pytest_labkit.host.settings import Settings
from pytest_labkit.report import wording
from pytest_labkit.report.wording import DID_NOT_RUN
from pytest_labkit.runs import commands, earlier
from pytest_labkit.runs.journal import Journal, folder
from pytest_labkit.runs.outcome import Outcome
from pytest_labkit.runs.verdicts import combine

if TYPE_CHECKING:
    from pytest_labkit.services import Choice

NOT_SELECTED = "not selected"


@dataclass
class LabRun:
    """
    What is known of a run of *staged* while it goes on.

    *cut_short* is true when it did not come to its end: whatever has passed, such a run is not complete.
    *left_out* are a criterion and a test each, which was not run as the criterion was decided.
    """

    settings: Settings
    staged: Staged
    outcomes: list[Outcome] = field(default_factory=list)
    collected: set[str] = field(default_factory=set)
    services: dict[str, ServiceInfo] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    cut_short: bool = False
    left_out: list[tuple[str, str]] = field(default_factory=list)
    journal: Journal | None = None

    @property
    def lab(self) -> Lab:
        """The lab."""
        return self.staged.lab

    @property
    def name(self) -> str:
        """The lab's folder relative to the project: what is typed after `pytest`."""
        return shown_path(self.lab.folder, self.settings.root)

    def headline(self, choice: Choice | None) -> str:
        """The lab, its door and, as it was the *choice*, its backend, with versions and start-up times."""
        parts = [
            f"{self.lab.id}: {self.lab.title}",
            f"door {self.settings.door}",
            f"seed {self.settings.seed}",
        ]
        if choice is not None:
            parts.append(f"{choice.backend} services" + (f" ({choice.why})" if choice.why else ""))
        for name, info in self.services.items():
            ready = f"ready in {info.ready_s:.1f} s" if info.ready_s else "attached"
            version = "" if info.version == "unknown" else f"{info.version} "
            parts.append(f"{name} {version}{ready}")
        return " · ".join(parts)

    def begin_journal(self, say: Callable[[str], None]) -> None:
        """From now on, what has finished is on the disk at once."""
        head = {
            "lab": self.name,
            "run": uuid4().hex,
            "started_at": self.started_at.isoformat(),
            "door": self.settings.door,
            "seed": self.settings.seed,
            "report": str(self.settings.report),
            "criteria": self.settings.criteria,
            "folders": [str(folder) for folder in self.settings.answers],
            "tests": sorted(self.collected),
            "answers": [
                {"path": f.path, "sha256": f.sha256, "origin": str(f.origin)} for f in self.staged.files
            ],
            "ignored": self.staged.ignored,
        }
        self.journal = Journal(folder(self.settings.root), self.lab.folder.name, head, say)

    def discard_journal(self) -> None:
        """What it holds is in a report, or is nothing."""
        if self.journal is not None:
            self.journal.discard()

    def finished(self, outcome: Outcome) -> None:
        """A test has ended so."""
        self.outcomes.append(outcome)
        if self.journal is not None:
            self.journal.finished(outcome)

    def is_decided(self, criterion: Criterion, place: int) -> bool:
        """Whether a test of *criterion* before *place* has not passed, so that one there changes nothing."""
        return any(
            o.criterion == criterion.id and o.verdict is not Verdict.PASSED and o.place < place
            for o in self.outcomes
        )

    def is_hung(self, criterion: Criterion) -> bool:
        """Whether a test of *criterion* ran past its time limit: that is waited for once."""
        return any(outcome.criterion == criterion.id and outcome.hung for outcome in self.outcomes)

    def leave_out(self, criterion: str, test: str) -> None:
        """The *test* is not run, as its criterion is decided."""
        self.left_out.append((criterion, test))
        if self.journal is not None:
            self.journal.left_out(criterion, test)

    def using(self, services: Mapping[str, ServiceInfo]) -> None:
        """It uses these services."""
        self.services.update(services)
        if self.journal is not None and services:
            self.journal.using(services)

    def report(self, duration_s: float) -> Report:
        """The report of what has run by now; criteria that have not are in it as `unknown`."""
        results, challenges = self._all_results()
        return Report(
            lab=self.lab,
            kit_version=__version__,
            status=self._status(results),
            started_at=self.started_at,
            duration_s=duration_s,
            door=self.settings.door,
            seed=self.settings.seed,
            results=results,
            challenges=challenges,
            services=dict(self.services),
            machine=machine(),
            answers=self.staged.files,
            ignored=self.staged.ignored,
            notes=tuple(
                dict.fromkeys([*self.staged.missed, *self.problems, *_notes(results), *self._of_the_door()])
            ),
            next_step=self._next_step(results, challenges),
        )

    @cached_property
    def _promises(self) -> dict[str, Promise]:
        return {promise.id: promise for promise in promises.read(self.lab)}

    def promises(self, ids: Iterable[str]) -> tuple[Promise, ...]:
        """Those of the lab's contract with these ids."""
        return tuple(self._promises[id_] for id_ in ids if id_ in self._promises)

    def look_at(self, criterion: Criterion, frame: Frame | None) -> str | None:
        """
        The place to open: where the error passed through the student's code, else what the lab names.

        The path is that of the file which the student wrote, not of the copy that ran.
        """
        named, _, definition = (criterion.look_at or "").partition(":")
        origin = self.staged.origin_of(frame.file if frame else named)
        if origin is None:
            return None
        number = frame.line if frame else line_of(origin, definition)
        shown = shown_path(origin, self.settings.root)
        return f"{shown}:{number}" if number else shown

    def called(self, criterion: Criterion, error: BaseException) -> Frame | None:
        """
        What the check that raised *error* called last of the student's.

        `None` where no single call is to blame: a race, a figure that misses its target.
        """
        if isinstance(error, Counterexample | MissedTarget):
            return None
        return last_call(error.__traceback__, self.lab, criterion, self.staged.paths)

    def _of_the_door(self) -> Iterable[str]:
        return [wording.DIRECT] if self.settings.door == "direct" else []

    def _all_results(self) -> tuple[tuple[CriterionResult, ...], tuple[CriterionResult, ...]]:
        """Of the criteria and of the challenges; those that did not run with what is known from before."""
        groups = self._results(self.lab.criteria), self._results(self.lab.challenges)
        if not any(_did_not_run(result) for group in groups for result in group):
            return groups
        known = earlier.known(self.staged, self.settings.report / self.lab.id / "report.json")
        criteria, challenges = (
            tuple(replace(r, earlier=known.get(r.criterion.id)) if _did_not_run(r) else r for r in group)
            for group in groups
        )
        return criteria, challenges

    def _results(self, criteria: Iterable[Criterion]) -> tuple[CriterionResult, ...]:
        results: list[CriterionResult] = []
        for criterion in criteria:
            failed = [r.criterion.id for r in results if r.verdict in (Verdict.FAILED, Verdict.ERROR)]
            results.append(self._result(criterion, failed))
        return tuple(results)

    def _result(self, criterion: Criterion, failed_before: list[str]) -> CriterionResult:
        if self.settings.criteria and criterion.id not in self.settings.criteria:
            return _not_run(criterion, NOT_SELECTED)
        outcomes = [outcome for outcome in self.outcomes if outcome.criterion == criterion.id]
        if not outcomes:
            return _not_run(criterion, "it did not run")
        result = combine(criterion, outcomes, failed_before=failed_before)
        missing = self._missing(criterion, outcomes)
        if result.verdict is Verdict.PASSED and missing:
            return _not_run(criterion, f"{missing} of its tests did not run")
        left_out = [test.removeprefix(f"{self.name}/") for id_, test in self.left_out if id_ == criterion.id]
        checks = result.checks and replace(result.checks, not_run=missing)
        return replace(result, not_run=tuple(left_out), checks=checks)

    def _missing(self, criterion: Criterion, outcomes: list[Outcome]) -> int:
        """How many tests of *criterion* have not run: functions of the files, and collected cases."""
        ran = {outcome.test for outcome in outcomes}
        functions = {_function(test) for test in ran}
        absent = [test for test in self._tests.get(criterion.id, ()) if test not in functions]
        names = {test for test in self.collected if _function(test) in functions}
        return len(absent) + len(names - ran)

    @cached_property
    def _tests(self) -> dict[str, list[str]]:
        return tests_of(self.lab)

    def _status(self, results: tuple[CriterionResult, ...]) -> Status:
        if any(outcome.tampered for outcome in self.outcomes):
            return Status.TAMPERED
        return _status(results, self.cut_short)

    def _next_step(
        self, results: tuple[CriterionResult, ...], challenges: tuple[CriterionResult, ...]
    ) -> str:
        wanted = self.settings.criteria
        if any(_is_broken(r) for r in (*results, *challenges)):
            return (
                f"run again: {self._check(*wanted)}\n"
                "if it breaks again: labkit doctor    (your work is not graded down)"
            )
        # Nobody has to begin a challenge: a stub of one is worked on only where it was asked for.
        begun = [c for c in challenges if c.criterion.id in wanted or c.verdict is not Verdict.TODO]
        for result in (*results, *begun):
            if result.verdict not in (Verdict.PASSED, Verdict.UNKNOWN):
                return self._work_on(result)
        if self.cut_short:
            return f"run all of the lab: {self._check()}"
        if not any(_did_not_run(result) for result in results):
            return f"{self.lab.id} is done"
        left = _after_the_last_that_ran(results)
        return self._check(left) if left else f"run all of the lab: {self._check()}"

    def _work_on(self, result: CriterionResult) -> str:
        """What to do about a criterion that is not passed."""
        id_, message = result.criterion.id, result.message
        place = message.look_at if message and message.look_at else self.name
        place = commands.typed(self.settings.root / place, self.settings)
        if result.verdict in (Verdict.TODO, Verdict.ERROR):
            return f"open {place}, then: {self._check(id_)}"
        return f"look at {place}; a hint: labkit hint {self.lab.id} {id_}"

    def _check(self, *criteria: str) -> str:
        return commands.check(self.lab.folder, self.settings, *criteria)


def _after_the_last_that_ran(results: Sequence[CriterionResult]) -> str | None:
    """The next criterion that is not known to be passed: behind the last that ran, else the first."""
    last = max((n for n, result in enumerate(results) if not _did_not_run(result)), default=-1)
    ordered = (*results[last + 1 :], *results[: last + 1])
    left = (r for r in ordered if _did_not_run(r) and not (r.earlier and r.earlier.verdict is Verdict.PASSED))
    return next((result.criterion.id for result in left), None)


def _function(test: str) -> str:
    """`file::function` of a test's node id, its parameters left out."""
    return test.partition("[")[0].rpartition("/")[2]


def check_wanted(wanted: Iterable[str], runs: Iterable[LabRun]) -> None:
    """Raise `UsageProblem` if one of the criteria *wanted* is in no lab of *runs*."""
    known = [c.id for run in runs for c in (*run.lab.criteria, *run.lab.challenges)]
    for id_ in wanted:
        if known and id_ not in known:
            raise UsageProblem(
                f"--lab-criterion {id_}: there is no such criterion. Known: {', '.join(known)}."
            )


def _status(results: Iterable[CriterionResult], cut_short: bool) -> Status:
    unknown = [r for r in results if r.verdict is Verdict.UNKNOWN]
    if any(_is_broken(r) for r in unknown):
        return Status.UNKNOWN
    return Status.INCOMPLETE if unknown or cut_short else Status.COMPLETE


def _not_run(criterion: Criterion, why: str) -> CriterionResult:
    return CriterionResult(criterion, Verdict.UNKNOWN, message=Message(criterion.title, DID_NOT_RUN, why))


def _is_broken(result: CriterionResult) -> bool:
    """Whether it ran and the kit or a service broke."""
    return result.verdict is Verdict.UNKNOWN and not _did_not_run(result)


def _did_not_run(result: CriterionResult) -> bool:
    message = result.message
    return result.verdict is Verdict.UNKNOWN and message is not None and message.expected == DID_NOT_RUN


def _notes(results: Iterable[CriterionResult]) -> Iterable[str]:
    for result in results:
        for measurement in result.measurements:
            if measurement.note and TOO_SLOW in measurement.note:
                yield f"{result.criterion.id}: judged by the ratio to a reference, {TOO_SLOW} for the target"


def machine() -> Mapping[str, str | int | float]:
    """What the figures of a run depend on."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "cores": os.cpu_count() or 0,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load": round(load, 2),
        "implementation": sys.implementation.name,
    }


def shown_path(path: Path, root: Path) -> str:
    """*path* relative to the project where it lies in it."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
