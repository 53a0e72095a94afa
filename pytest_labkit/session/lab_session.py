"""
What happens while labs run: the one object with state, a plugin of its own.

Registered only where there is a lab. Turns each test's end into an outcome, outcomes into a report,
and the report into what is printed and the exit code. Outcomes travel in pytest's own test reports,
so that workers of pytest-xdist need nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_labkit.answers.child.children import Children
from pytest_labkit.answers.child.preload import Warmth
from pytest_labkit.answers.door import Answers
from pytest_labkit.answers.rpc.errors import AnswerRaised, Tampered, frames
from pytest_labkit.course.sources import untouched
from pytest_labkit.course.submission import Staged
from pytest_labkit.domain.errors import LabkitError, UsageProblem
from pytest_labkit.domain.model import Chronicle, Criterion, Lab, Measurement, Message, ServiceInfo, Verdict
from pytest_labkit.host.interrupts import Interrupts
from pytest_labkit.host.settings import Settings
from pytest_labkit.report import text
from pytest_labkit.runs import limits, recovery
from pytest_labkit.runs.ending import Ending, end
from pytest_labkit.runs.lab_run import LabRun, look_at, shown_path
from pytest_labkit.runs.supervision import supervised
from pytest_labkit.runs.verdicts import Outcome, classify, first_sentence, told
from pytest_labkit.services.catalogue import BACKGROUND as LATE
from pytest_labkit.services.catalogue import NAMES
from pytest_labkit.session.collection import Collection, criterion_of
from pytest_labkit.session.console import readable, say
from pytest_labkit.session.workers import is_worker, tell_services

if TYPE_CHECKING:
    from pytest_labkit.services import Endpoint, Services

NAME = "labkit-session"
_PROPERTY = "labkit"
_LETTERS = {
    Verdict.FAILED: "F",
    Verdict.ERROR: "E",
    Verdict.TODO: "t",
    Verdict.BLOCKED: "b",
    Verdict.UNKNOWN: "?",
}

_door = pytest.StashKey[Answers]()
_chronicles = pytest.StashKey[Iterable[Chronicle]]()  # grows while a test runs
_measurements = pytest.StashKey[Iterable[Measurement]]()  # grows while a test runs


def session_of(config: pytest.Config) -> LabSession:
    """The lab session of this pytest run."""
    found = config.pluginmanager.get_plugin(NAME)
    assert isinstance(found, LabSession)
    return found


class LabSession:
    """The labs of one pytest run."""

    def __init__(self, config: pytest.Config, settings: Settings, collection: Collection) -> None:
        self.settings = settings
        self._config = config
        self._collection = collection
        self._say = partial(say, config)
        self._interrupts = Interrupts(self._say)
        self._began = time.monotonic()
        self._children: dict[Path, Children] = {}
        self._ending = Ending()
        self._hung: set[Criterion] = set()
        self._failed_start: LabkitError | None = None

    # What fixtures ask for

    @cached_property
    def services(self) -> Services:
        """The services of this run; nothing is imported or started before they are asked for."""
        from pytest_labkit.services import Services

        return Services(self.settings, self._say)

    def open_door(self, item: pytest.Item) -> Answers:
        """The door to the answers that *item* is about."""
        staged = self._collection.run_of(item).staged
        door = Answers(staged, self.settings.root, self.settings.door, self._children_of(staged))
        item.stash[_door] = door
        return door

    def _children_of(self, staged: Staged) -> Children:
        folder = staged.lab.folder
        if folder not in self._children:  # what makes them warm is read from the lab's files
            self._children[folder] = Children(Warmth.of(staged, self.settings.root))
        return self._children[folder]

    def criterion_of(self, item: pytest.Item) -> Criterion:
        """The criterion that *item* checks."""
        found = criterion_of(item)
        assert found is not None
        return found

    def lab_of(self, item: pytest.Item) -> Lab:
        """The lab that *item* is a test of."""
        return self._collection.run_of(item).lab

    def keep_measurements(self, item: pytest.Item, measurements: list[Measurement]) -> None:
        """Take *measurements*, a list that grows while *item* runs, into its outcome."""
        item.stash[_measurements] = measurements

    def keep_chronicles(self, item: pytest.Item, chronicles: list[Chronicle]) -> None:
        """Take *chronicles*, a list that grows while *item* runs, into its outcome."""
        item.stash[_chronicles] = chronicles

    # The run

    def pytest_sessionstart(self) -> None:
        """Take SIGTERM and SIGHUP as Ctrl-C; the workers of pytest-xdist are ended by their controller."""
        if not is_worker(self._config):
            self._interrupts.listen()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Start, side by side, the services that the selected tests ask for, and say what runs where."""
        runs = self._collection.runs
        if session.config.option.collectonly or not runs:
            return
        for line in [] if is_worker(self._config) else recovery.clear_the_ground(self.settings):
            self._say(line)
        used = {name for item in session.items for name in _services_of(item) if criterion_of(item)}
        late = {name for item in session.items for name in self._late_services_of(item)}
        brokers = max((run.lab.brokers for run in runs), default=1)
        endpoints = self._start(sorted(used.difference(LATE)), brokers)
        for run in runs:
            run.problems += [str(self._failed_start)] if self._failed_start else []
            self._begin_journal(run)
            run.using({n: ServiceInfo(e.version, e.backend, e.ready_s) for n, e in sorted(endpoints.items())})
            self._warm(run, session.items)
            self._say(run.headline(self.services.choice if endpoints else None))
        if late and self._failed_start is None:
            self.services.begin(sorted(late))

    def _warm(self, run: LabRun, items: list[pytest.Item]) -> None:
        """Have ready by the time that they are needed what the children of the answers are forked from."""
        if self.settings.door == "process":
            self._children_of(run.staged).warm()
        if any(_names_another_process(item) for item in items if criterion_of(item)):
            self._children_of(run.staged).warm("another")

    def _begin_journal(self, run: LabRun) -> None:
        if not is_worker(self._config) and run.journal is None:
            run.begin_journal(self._say)

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

    def _stub(self, item: pytest.Item) -> NotImplementedError | None:
        """What *item* would find, if it wants a service that takes long to start and finds only a stub."""
        if criterion_of(item) is None or not set(LATE) & set(_services_of(item)):
            return None
        return untouched(self._collection.run_of(item).staged, self.criterion_of(item))

    def _late_services_of(self, item: pytest.Item) -> list[str]:
        """Those that take long to start, and that *item* will use."""
        wanted = [] if criterion_of(item) is None or self._stub(item) else _services_of(item)
        return [name for name in wanted if name in LATE]

    def _await_services(self, item: pytest.Item) -> None:
        """Wait for those that start in the background: that is no part of the time that a test may take."""
        for name in self._late_services_of(item):
            run = self._collection.run_of(item)
            try:
                found = self.endpoint(name)
                run.using({name: ServiceInfo(found.version, found.backend, found.ready_s)})
            except LabkitError as error:  # the test is told when it asks
                run.problems.append(str(error))
        if item.get_closest_marker("timed") is not None and "services" in vars(self):
            self.services.settle()  # a start would take a core from what is timed

    @pytest.hookimpl(tryfirst=True, specname="pytest_runtest_setup")
    def pytest_runtest_setup_at_all(self, item: pytest.Item) -> None:
        """Do not try what hung in another test of its criterion, nor wait for what a stub does not use."""
        # No wrapper: those of pytest itself have to see a setup, else they stumble at the teardown.
        criterion = criterion_of(item)
        if criterion in self._hung:
            raise limits.OutOfTime(criterion.time_limit_s, "was not tried: another test of this did not end")
        if stub := self._stub(item):
            raise stub

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Give the setup its time too: a student's code runs in it."""
        if criterion_of(item) is None:
            return (yield)
        self._await_services(item)
        with self._supervised(item, "setup"):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Hold the lock of timed tests, and end a test that runs past its criterion's time limit."""
        if criterion_of(item) is None:
            return (yield)
        timed = item.get_closest_marker("timed") is not None
        alone = limits.one_at_a_time(self._say) if timed else nullcontext()
        with alone, self._supervised(item, "call"):
            return (yield)

    @contextmanager
    def _supervised(self, item: pytest.Item, when: str) -> Iterator[None]:
        """Give *item* its time, and keep a student's `pytest.exit()` from ending the run."""
        limit_s, show = self.criterion_of(item).time_limit_s, partial(item.add_report_section, when, "stdout")
        try:
            with supervised(limit_s, lambda: item.stash.get(_door, None), show):
                yield
        except pytest.exit.Exception as error:
            if not (passed := frames(error, self._collection.run_of(item).staged.paths)):
                raise
            raised = AnswerRaised.named("Exit", str(error))
            raised.labkit_frames = passed  # type: ignore[attr-defined]
            raise raised from None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the outcome, and put what a student reads in the place of a traceback."""
        made = yield
        if criterion_of(item) is None:
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
        run, criterion = self._collection.run_of(item), self.criterion_of(item)
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
            chronicles=tuple(item.stash.get(_chronicles, ())),
            tampered=call.excinfo is not None and isinstance(call.excinfo.value, Tampered),
        )

    def _judged(
        self, item: pytest.Item, error: BaseException, run: LabRun, criterion: Criterion
    ) -> tuple[Verdict, Message]:
        if isinstance(error, limits.OutOfTime):
            self._hung.add(criterion)
        checked = first_sentence(getattr(item, "function", None)) or criterion.title
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
            run = self._collection.run(self.settings.root / outcome.lab)
            self._begin_journal(run)  # with pytest-xdist this is where the run hears of the lab
            run.finished(outcome)

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

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """From here on nothing is to stop the cleaning up."""
        self._interrupts.shield()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports and set the exit code, then stop what was started."""
        self._interrupts.shield()
        try:
            if is_worker(session.config):
                tell_services(session.config, self._collection.runs)
            else:
                self._finish(session)
        finally:
            stopped = self.services.close() if "services" in vars(self) else []
            if self._interrupts.by:
                self._say(f"{self._interrupts.by}: stopped {', '.join(stopped) or 'no service'}")

    def pytest_unconfigure(self) -> None:
        """Leave nothing, even if the run did not come to its start."""
        for children in self._children.values():
            children.close()
        self._interrupts.restore()

    def _finish(self, session: pytest.Session) -> None:
        runs = self._collection.runs
        for run in runs if self._interrupts.by else ():
            run.problems.append(f"{self._interrupts.by} ended this run before all of it had run.")
        self._ending = end(runs, time.monotonic() - self._began)
        if not self._ending.reports:
            return
        code = self._ending.exit_code
        others_failed = session.testsfailed - sum(
            o.verdict is not Verdict.PASSED for run in runs for o in run.outcomes
        )
        ended = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if session.exitstatus in ended:
            session.exitstatus = code if code or others_failed <= 0 else pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show each lab's result, at most a screen of it, and what to do next."""
        writer = terminalreporter._tw
        for made, page in self._ending.reports:
            terminalreporter.ensure_newline()
            writer.line()
            shown = text.render(made, width=writer.fullwidth, colour=writer.hasmarkup, path=page)
            writer.line(readable(shown, writer))
        for problem in dict.fromkeys(self._ending.problems):
            writer.line(problem, red=True)


def outcome_of(report: pytest.TestReport) -> Outcome | None:
    """The outcome that *report* brings, `None` if it is not about a lab."""
    data = next((value for name, value in report.user_properties if name == _PROPERTY), None)
    return Outcome.from_json(data) if isinstance(data, str) else None


def _services_of(item: pytest.Item) -> list[str]:
    return [name for name in NAMES if name in getattr(item, "fixturenames", ())]


def _names_another_process(item: pytest.Item) -> bool:
    code = getattr(getattr(item, "function", None), "__code__", None)
    return code is not None and "another_process" in code.co_names
