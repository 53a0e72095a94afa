"""
What happens while labs run: the one object with state, a plugin of its own.

Registered only where there is a lab. Turns each test's end into an outcome, outcomes into a report,
and the report into what is printed and the exit code. Outcomes travel in pytest's own test reports,
so that workers of pytest-xdist need nothing else.
"""

from __future__ import annotations

import inspect
import json
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_labkit import limits, manifest
from pytest_labkit.answers.raised import AnswerRaised, frames
from pytest_labkit.answers.staging import Staged, stage
from pytest_labkit.errors import LabkitError, UsageProblem
from pytest_labkit.model import Criterion, Lab, Measurement, Message, Report, ServiceInfo, Verdict
from pytest_labkit.report import text, write
from pytest_labkit.report.plain import speakable
from pytest_labkit.runs import EXIT_BROKEN, LabRun, exit_code, look_at, shown_path
from pytest_labkit.settings import Settings
from pytest_labkit.verdicts import Outcome, classify, told

if TYPE_CHECKING:
    from pytest_labkit.services import Endpoint, Services

NAME = "labkit-session"
_PROPERTY = "labkit"
_SERVICE_FIXTURES = ("kafka", "dynamodb", "redis")
_LETTERS = {
    Verdict.FAILED: "F",
    Verdict.ERROR: "E",
    Verdict.TODO: "t",
    Verdict.BLOCKED: "b",
    Verdict.UNKNOWN: "?",
}

_criterion = pytest.StashKey[Criterion]()
_folder = pytest.StashKey[Path]()
_measurements = pytest.StashKey[Iterable[Measurement]]()  # grows while a test runs


def session_of(config: pytest.Config) -> LabSession:
    """The lab session of this pytest run."""
    found = config.pluginmanager.get_plugin(NAME)
    assert isinstance(found, LabSession)
    return found


class LabSession:
    """The labs of one pytest run."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.settings = settings
        self._config = config
        self._runs: dict[Path, LabRun] = {}
        self._staging = tempfile.TemporaryDirectory(prefix="labkit-answers-")
        self._began = time.monotonic()
        self._reports: list[tuple[Report, Path | None]] = []  # each with its page, if one was written
        self._problems: list[str] = []
        self._hung: set[Criterion] = set()
        self._failed_start: LabkitError | None = None

    # What fixtures ask for

    @cached_property
    def services(self) -> Services:
        """The services of this run; nothing is imported or started before they are asked for."""
        from pytest_labkit.services import Services

        return Services(self.settings, self._say)

    def run_of(self, item: pytest.Item) -> LabRun:
        """The run that *item* is part of."""
        return self._run(item.stash[_folder])

    def criterion_of(self, item: pytest.Item) -> Criterion:
        """The criterion that *item* checks."""
        return item.stash[_criterion]

    def keep_measurements(self, item: pytest.Item, measurements: list[Measurement]) -> None:
        """Take *measurements*, a list that grows while *item* runs, into its outcome."""
        item.stash[_measurements] = measurements

    # Collection

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Find the tests of labs, and leave out those of criteria that were not asked for."""
        try:
            for item in items:
                self._adopt(item)
        except UsageProblem as problem:
            raise pytest.UsageError(str(problem)) from None
        wanted = self.settings.criteria
        self._check_wanted(wanted)
        if wanted:
            out = [i for i in items if _criterion in i.stash and i.stash[_criterion].id not in wanted]
            config.hook.pytest_deselected(items=out)
            items[:] = [item for item in items if item not in out]

    def _adopt(self, item: pytest.Item) -> None:
        folder = self._lab_folder(item.path)
        if folder is None:
            return
        marker = item.get_closest_marker("criterion")
        if marker is None:
            return
        run = self._run(folder)
        id_ = str(marker.args[0]) if marker.args else ""
        try:
            criterion = run.lab.criterion(id_)
        except KeyError:
            raise pytest.UsageError(f"{item.nodeid}: {run.lab.id} has no criterion {id_!r}.") from None
        item.stash[_folder] = folder
        item.stash[_criterion] = criterion
        run.collected.add(item.nodeid)
        # A warning from a student's code is no failure, whatever the project makes of its own.
        item.add_marker(pytest.mark.filterwarnings("ignore"))

    def _check_wanted(self, wanted: tuple[str, ...]) -> None:
        known = [c.id for run in self._runs.values() for c in (*run.lab.criteria, *run.lab.challenges)]
        for id_ in wanted:
            if known and id_ not in known:
                raise pytest.UsageError(
                    f"--lab-criterion {id_}: there is no such criterion. Known: {', '.join(known)}."
                )

    def _lab_folder(self, path: Path) -> Path | None:
        """The nearest folder above *path*, within the project, that has a `lab.toml`."""
        for folder in path.parents:
            if not folder.is_relative_to(self.settings.root):
                return None
            if (folder / manifest.FILE).is_file():
                return folder
        return None

    def _run(self, folder: Path) -> LabRun:
        if folder not in self._runs:
            lab = manifest.read(folder, self.settings.root)
            self._runs[folder] = LabRun(self.settings, self._stage(lab))
        return self._runs[folder]

    def _stage(self, lab: Lab) -> Staged:
        into = Path(self._staging.name).resolve() / lab.folder.name
        into.mkdir()
        return stage(lab, self.settings.answers, into)

    # The run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Start, side by side, the services that the selected tests ask for, and say what runs where."""
        if session.config.option.collectonly or not self._runs:
            return
        used = {name for item in session.items for name in _services_of(item) if _criterion in item.stash}
        brokers = max((run.lab.brokers for run in self._runs.values()), default=1)
        endpoints = self._start(sorted(used), brokers)
        for run in self._runs.values():
            run.problems += [str(self._failed_start)] if self._failed_start else []
            run.services = {
                name: ServiceInfo(e.version, e.backend, e.ready_s) for name, e in sorted(endpoints.items())
            }
            self._say(self._header(run))

    def _start(self, names: list[str], brokers: int) -> dict[str, Endpoint]:
        """Start *names*; a failure is kept for the tests, none of which is to try again."""
        try:
            return self.services.start(names, brokers=brokers) if names else {}
        except UsageProblem as problem:
            raise pytest.UsageError(str(problem)) from None
        except LabkitError as error:
            self._failed_start = error
            return {}

    def endpoint(self, name: str) -> Endpoint:
        """Where the service *name* is; raises what its start raised."""
        if self._failed_start is not None:
            raise self._failed_start
        return self.services.endpoint(name)

    def _header(self, run: LabRun) -> str:
        """The lab, door and backend of the run, with versions and the seconds until each was ready."""
        parts = [f"{run.lab.id}: {run.lab.title}", f"door {self.settings.door}", f"seed {self.settings.seed}"]
        if run.services:
            choice = self.services.choice
            parts.append(f"{choice.backend} services" + (f" ({choice.why})" if choice.why else ""))
            parts += [
                f"{name} {info.version}"
                + (f" ready in {info.ready_s:.1f} s" if info.ready_s else " attached")
                for name, info in run.services.items()
            ]
        return " · ".join(parts)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Do not try the other tests of a criterion that hung: each would hang as long again."""
        criterion = item.stash.get(_criterion, None)
        if criterion in self._hung:
            raise limits.OutOfTime(criterion.time_limit_s, "was not tried: another test of this did not end")
        with self._exits_are_errors(item):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Hold the lock of timed tests, and end a test that runs past its criterion's time limit."""
        if _criterion not in item.stash:
            return (yield)
        timed = item.get_closest_marker("timed") is not None
        limit_s = item.stash[_criterion].time_limit_s
        alone = limits.one_at_a_time(self._say) if timed else nullcontext()
        with alone, limits.time_limit(limit_s), self._exits_are_errors(item):
            return (yield)

    @contextmanager
    def _exits_are_errors(self, item: pytest.Item) -> Iterator[None]:
        """Keep a student's `pytest.exit()` from ending the run, with the exit code that it names."""
        try:
            yield
        except pytest.exit.Exception as error:
            if _criterion not in item.stash or not (passed := frames(error, self.run_of(item).staged.paths)):
                raise
            raised = AnswerRaised("Exit", str(error))
            raised.labkit_frames = passed  # type: ignore[attr-defined]
            raise raised from None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the outcome, and put what a student reads in the place of a traceback."""
        made = yield
        if _criterion not in item.stash:
            return made
        if call.excinfo is None and call.when != "call":
            return made
        outcome = self._outcome(item, call)
        made.user_properties.append((_PROPERTY, outcome.as_json()))
        if outcome.verdict is not Verdict.PASSED:
            made.outcome = "failed"  # skips and expected failures included: they pass nothing
            vars(made).pop("wasxfail", None)
            if item.config.option.tbstyle == "auto":
                made.longrepr = outcome.as_text()
        return made

    def _outcome(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Outcome:
        run, criterion = self.run_of(item), self.criterion_of(item)
        verdict, message = Verdict.PASSED, None
        if call.excinfo is not None:
            verdict, message = self._judged(item, call.excinfo.value, run, criterion)
        return Outcome(
            lab=shown_path(run.lab.folder, self.settings.root),
            criterion=criterion.id,
            test=item.nodeid,
            verdict=verdict,
            duration_s=round(call.duration, 3),
            message=message,
            measurements=tuple(item.stash.get(_measurements, ())),
        )

    def _judged(
        self, item: pytest.Item, error: BaseException, run: LabRun, criterion: Criterion
    ) -> tuple[Verdict, Message]:
        if isinstance(error, limits.OutOfTime):
            self._hung.add(criterion)
        checked = _first_sentence(getattr(item, "function", None)) or criterion.title
        verdict, message, frame = classify(error, checked=checked, answers=run.staged.paths)
        if verdict not in (Verdict.TODO, Verdict.UNKNOWN):
            broken = [name for name in _services_of(item) if not self.services.healthy(name)]
            if broken:
                got = f"{broken[0]} did not answer any more ({told(error)})"
                return Verdict.UNKNOWN, Message(checked, "working services", got)
        place = look_at(
            run.staged,
            self.settings.root,
            criterion,
            frame.file if frame else None,
            frame.line if frame else None,
        )
        return verdict, replace(message, look_at=place)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome that a test's report brings."""
        outcome = outcome_of(report)
        if outcome is not None:
            self._run(self.settings.root / outcome.lab).outcomes.append(outcome)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Name the verdicts of labs, and keep them out of pytest's list of failures."""
        outcome = outcome_of(report) if isinstance(report, pytest.TestReport) else None
        if outcome is None or outcome.verdict is Verdict.PASSED:
            return None
        if self._config.option.tbstyle != "auto":
            return None
        verdict = outcome.verdict
        return f"lab {verdict}", _LETTERS[verdict], verdict.upper()

    # The end

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports and set the exit code, then stop what was started."""
        try:
            if hasattr(session.config, "workerinput"):
                used = {run.name: run.services for run in self._runs.values()}
                vars(session.config)["workeroutput"][_PROPERTY] = json.dumps(used, default=asdict)
            else:
                self._finish(session)
        finally:
            if "services" in vars(self):
                self.services.close()
            self._staging.cleanup()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give a worker of pytest-xdist the seed of this run."""
        node.workerinput[NAME] = {"seed": str(self.settings.seed)}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Learn from a worker of pytest-xdist which services it used."""
        used = json.loads(getattr(node, "workeroutput", {}).get(_PROPERTY, "{}"))
        for name, services in used.items():
            infos = {service: ServiceInfo(**info) for service, info in services.items()}
            self._run(self.settings.root / name).services.update(infos)

    def _finish(self, session: pytest.Session) -> None:
        runs = [run for run in self._runs.values() if run.outcomes]
        if not runs:
            return
        duration = time.monotonic() - self._began
        made = [run.report(duration) for run in runs]
        self._reports = [(report, self._write(report)) for report in made]
        unwritten = any(page is None for _, page in self._reports)
        code = EXIT_BROKEN if unwritten else exit_code(made)
        others_failed = session.testsfailed - sum(
            o.verdict is not Verdict.PASSED for run in runs for o in run.outcomes
        )
        ended = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if session.exitstatus in ended:
            session.exitstatus = code if code or others_failed <= 0 else pytest.ExitCode.TESTS_FAILED

    def _write(self, report: Report) -> Path | None:
        """Write the files of *report*; its page, or `None` if that failed."""
        try:
            return write(report, self.settings.report) / "report.html"
        except LabkitError as error:
            self._problems.append(str(error))
            return None

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show each lab's result, at most a screen of it, and what to do next."""
        writer = terminalreporter._tw
        for made, page in self._reports:
            terminalreporter.ensure_newline()
            writer.line()
            shown = text.render(made, width=writer.fullwidth, colour=writer.hasmarkup, path=page)
            writer.line(speakable(shown, _encoding(writer)))
        for problem in dict.fromkeys(self._problems):
            writer.line(problem, red=True)

    def _say(self, line: str) -> None:
        """Print *line* above the tests' progress, past pytest's capture."""
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(speakable(line, _encoding(reporter._tw)))


def outcome_of(report: pytest.TestReport) -> Outcome | None:
    """The outcome that *report* brings, `None` if it is not about a lab."""
    data = next((value for name, value in report.user_properties if name == _PROPERTY), None)
    return Outcome.from_json(data) if isinstance(data, str) else None


def _encoding(writer: Any) -> str | None:
    return getattr(writer._file, "encoding", None)


def _services_of(item: pytest.Item) -> list[str]:
    return [name for name in _SERVICE_FIXTURES if name in getattr(item, "fixturenames", ())]


def _first_sentence(function: object) -> str:
    text = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".")
