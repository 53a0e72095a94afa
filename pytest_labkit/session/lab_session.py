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
from functools import partial
from pathlib import Path
from weakref import WeakKeyDictionary

import pytest

from pytest_labkit.answers.child.children import Children
from pytest_labkit.answers.child.preload import Preload
from pytest_labkit.answers.door import Answers
from pytest_labkit.answers.rpc.errors import AnswerRaised, Tampered, frames
from pytest_labkit.course.submission import Staged
from pytest_labkit.domain.model import Chronicle, Criterion, Drawing, Lab, Measurement, Scatter, Verdict
from pytest_labkit.faults import deeds
from pytest_labkit.host.interrupts import Interrupts
from pytest_labkit.host.settings import Settings
from pytest_labkit.report import text
from pytest_labkit.report.document import adapter as documents
from pytest_labkit.report.harmless import harmless
from pytest_labkit.runs import limits, recovery
from pytest_labkit.runs.ending import Ending, end
from pytest_labkit.runs.lab_run import LabRun
from pytest_labkit.runs.outcome import Outcome
from pytest_labkit.runs.outcome import adapter as outcomes
from pytest_labkit.runs.verdicts import first_sentence, judge
from pytest_labkit.session import foreign, terminal
from pytest_labkit.session.collection import Collection, criterion_of, place_of
from pytest_labkit.session.loans import Loans
from pytest_labkit.session.service_plan import ServicePlan
from pytest_labkit.session.workers import is_worker, tell

NAME = "labkit-session"
_PROPERTY = "labkit"
_door = pytest.StashKey[Answers]()
_measurements = pytest.StashKey[Iterable[Measurement]]()  # grows while a test runs
_shown = pytest.StashKey[list[Chronicle | Drawing | Scatter]]()
_waited = pytest.StashKey[float]()  # for the lock of timed tests: that is no time of the test's own
_outcomes: WeakKeyDictionary[pytest.TestReport, Outcome] = WeakKeyDictionary()


def session_of(config: pytest.Config) -> LabSession:
    """The lab session of this pytest run."""
    found = config.pluginmanager.get_plugin(NAME)
    assert isinstance(found, LabSession)
    return found


class LabSession:
    """The labs of one pytest run."""

    def __init__(
        self, config: pytest.Config, settings: Settings, collection: Collection, loans: Loans
    ) -> None:
        self.settings = settings
        self._loans = loans
        self._config = config
        self._collection = collection
        self._say = partial(terminal.say, config)
        self.plan = ServicePlan(settings, collection, self._say)
        self._interrupts = Interrupts(self._say)
        self._began = time.monotonic()
        self._children: dict[Path, Children] = {}
        self._ending = Ending()

    # What fixtures ask for

    def open_door(self, item: pytest.Item) -> Answers:
        """The door to the answers that *item* is about."""
        staged = self._collection.run_of(item).staged
        door = Answers(staged, self.settings.root, self.settings.door, self._children_of(staged))
        item.stash[_door] = door
        if self.settings.door == "direct":
            self._loans.begin(item)
        return door

    def close_door(self, item: pytest.Item) -> None:
        """The test does not use the answers any more."""
        item.stash[_door].leave()
        self._loans.end(item)
        if self._interrupts.by:  # the loan has put back how signals were taken before that
            self._interrupts.shield()

    def _children_of(self, staged: Staged) -> Children:
        folder = staged.lab.folder
        if folder not in self._children:  # what makes them warm is read from the lab's files
            self._children[folder] = Children(Preload.of(staged, self.settings.root))
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

    def show(self, item: pytest.Item, picture: Chronicle | Drawing | Scatter) -> None:
        """Take *picture* into the outcome of *item*, whatever its verdict."""
        item.stash.setdefault(_shown, []).append(picture)

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
        for made_once in (documents, outcomes):
            made_once()  # before a student's code puts a frozen `datetime` into every module, the kit's too
        for run in runs:
            self._warm(run, session.items)
        started = self.plan.start(session.items)
        for run in runs:
            self._begin_journal(run)
            run.using(started)
            self._say(run.headline(self.plan.services.choice if started else None))
        self.plan.begin_late(session.items)

    def _warm(self, run: LabRun, items: list[pytest.Item]) -> None:
        """Have ready by the time that they are needed what the children of the answers are forked from."""
        kinds = ["answers"] if self.settings.door == "process" else []
        if any(_names_another_process(item) for item in items if criterion_of(item)):
            kinds.append("another")
        if kinds:
            self._children_of(run.staged).warm(*kinds)

    def _begin_journal(self, run: LabRun) -> None:
        if not is_worker(self._config) and run.journal is None:
            run.begin_journal(self._say)

    @pytest.hookimpl(tryfirst=True, specname="pytest_runtest_setup")
    def pytest_runtest_setup_at_all(self, item: pytest.Item) -> None:
        """Neither start nor wait for what a stub does not use."""
        deeds.forget()
        # No wrapper: those of pytest itself have to see a setup, else they stumble at the teardown.
        if stub := self.plan.stub(item):
            raise stub

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Give the setup its time too: a student's code runs in it."""
        if criterion_of(item) is None:
            return (yield)
        self.plan.await_for(item)
        with self._supervised(item, "setup"):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Hold the lock of timed tests, and end a test that runs past its criterion's time limit."""
        if criterion_of(item) is None:
            return (yield)
        timed = item.get_closest_marker("timed") is not None
        alone, began = limits.one_at_a_time(self._say) if timed else nullcontext(), time.monotonic()
        with alone:
            item.stash[_waited] = time.monotonic() - began
            with self._supervised(item, "call"):
                return (yield)

    @contextmanager
    def _supervised(self, item: pytest.Item, when: str) -> Iterator[None]:
        """Give *item* its time, and keep a student's `pytest.exit()` from ending the run."""
        limit_s = min(self.criterion_of(item).time_limit_s, foreign.time_limit_of(item))
        show = partial(item.add_report_section, when, "stdout")
        try:
            with limits.supervised(limit_s, lambda: item.stash.get(_door, None), show):
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
        outcome = self._outcome(item, call, _printed(made))
        made.user_properties.append((_PROPERTY, outcome.as_data()))
        _outcomes[made] = outcome
        if outcome.verdict is not Verdict.PASSED:
            made.outcome = "failed"  # skips and expected failures included: they pass nothing
            vars(made).pop("wasxfail", None)
            if terminal.tracebacks(item.config) == "auto":
                made.longrepr = outcome.as_text()
        return made

    def _outcome(self, item: pytest.Item, call: pytest.CallInfo[None], printed: str) -> Outcome:
        run, criterion = self._collection.run_of(item), self.criterion_of(item)
        verdict, message = Verdict.PASSED, None
        if call.excinfo is not None:
            error = call.excinfo.value
            verdict, message = judge(
                error,
                checked=first_sentence(getattr(item, "function", None)) or criterion.title,
                answers=run.staged.paths,
                broken=lambda: self.plan.broken(item),
                look_at=lambda frame: run.look_at(criterion, frame or run.called(criterion, error)),
                promises=run.promises(id_ for mark in item.iter_markers("promise") for id_ in mark.args),
                broke=deeds.told(error),
                printed=printed,
            )
        shown = item.stash.get(_shown, [])
        return Outcome(
            lab=run.name,
            criterion=criterion.id,
            test=item.nodeid,
            verdict=verdict,
            duration_s=round(call.duration - (item.stash.get(_waited, 0.0) if call.when == "call" else 0), 3),
            message=harmless(message),
            measurements=harmless(tuple(item.stash.get(_measurements, ()))),
            tampered=call.excinfo is not None and isinstance(call.excinfo.value, Tampered),
            chronicles=harmless(tuple(one for one in shown if isinstance(one, Chronicle))),
            drawings=harmless(tuple(one for one in shown if isinstance(one, Drawing))),
            scatters=harmless(tuple(one for one in shown if isinstance(one, Scatter))),
            place=place_of(item),
            hung=call.excinfo is not None and isinstance(call.excinfo.value, limits.OutOfTime),
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome that a test's report brings."""
        outcome = outcome_of(report)
        if outcome is not None and foreign.is_run_again(report):
            self._collection.run(self.settings.root / outcome.lab).problems.append(foreign.RUN_AGAIN)
        elif outcome is not None:
            run = self._collection.run(self.settings.root / outcome.lab)
            self._begin_journal(run)  # with pytest-xdist this is where the run hears of the lab
            run.finished(outcome)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Name the verdicts of labs, and keep them out of pytest's list of failures."""
        outcome = outcome_of(report) if isinstance(report, pytest.TestReport) else None
        if outcome is None or outcome.verdict is Verdict.PASSED or foreign.is_run_again(report):
            return None
        if terminal.tracebacks(self._config) != "auto":
            return None
        verdict = outcome.verdict
        return f"lab {verdict}", terminal.LETTERS[verdict], verdict.upper()

    # The end

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """From here on nothing is to stop the cleaning up."""
        self._interrupts.shield()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Write the reports, set the exit code, stop what was started: also if another plugin raises."""
        try:
            return (yield)
        except Warning as warning:  # of the project's, which makes errors of them
            self._say(f"{type(warning).__name__}: {warning}".partition("\n")[0])
            return None
        finally:
            self._end(session)

    def _end(self, session: pytest.Session) -> None:
        self._interrupts.shield()
        try:
            if is_worker(session.config):
                tell(session.config, self._collection.runs)
            else:
                self._finish(session)
        finally:
            stopped = self.plan.close()
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
        if left := self._loans.still_running():
            for run in runs:
                run.problems.append(
                    f"The answers left running at the end, not waited for: {', '.join(left)}."
                )
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
        for document, page in self._ending.reports:
            terminalreporter.ensure_newline()
            writer.line()
            where = None if page is None else terminal.from_here(page, self._config.invocation_params.dir)
            shown = text.render(document, width=writer.fullwidth, colour=writer.hasmarkup, where=where)
            writer.line(terminal.readable(shown, writer))
        for problem in dict.fromkeys(self._ending.problems):
            writer.line(problem, red=True)
        if self._ending.reports and self._are_labs_alone(terminalreporter):
            counted = terminal.summed(document for document, _ in self._ending.reports)
            # pytest's last line counts tests: beside the report's criteria that was a second figure.
            vars(terminalreporter)["build_summary_stats_line"] = lambda: counted

    def _are_labs_alone(self, reporter: pytest.TerminalReporter) -> bool:
        """Whether nothing has run but tests of labs, of whose verdicts pytest knows no more than the kit."""
        if terminal.tracebacks(self._config) != "auto":
            return False
        ended = [
            r for reports in reporter.stats.values() for r in reports if isinstance(r, pytest.TestReport)
        ]
        return all(
            outcome_of(report) is not None for report in ended if report.when == "call" or report.failed
        )


def outcome_of(report: pytest.TestReport) -> Outcome | None:
    """The outcome that *report* brings, `None` if it is not about a lab."""
    data = next((value for name, value in report.user_properties if name == _PROPERTY), None)
    if data is not None and report not in _outcomes:  # it comes from a worker of pytest-xdist
        _outcomes[report] = Outcome.of(data)
    return _outcomes.get(report)


def _printed(report: pytest.TestReport) -> str:
    """What was printed until the end of the phase that *report* is of, by its test and the student's code."""
    texts = [text for title, text in report.sections if title.startswith("Captured std")]
    return "".join(text if text.endswith("\n") else f"{text}\n" for text in texts)


def _names_another_process(item: pytest.Item) -> bool:
    code = getattr(getattr(item, "function", None), "__code__", None)
    return code is not None and "another_process" in code.co_names
