"""
The runs that prove a lab: stubs are todo, model answers pass, each planted bug is caught by its criterion.

How a run is made is a port, `Run`: `labkit check-labs` starts a pytest for each, the project's own tests
may have a quicker way. Each run is judged by its `report.json`, as any other program would read it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pytest_labkit.course import planted
from pytest_labkit.course.testfiles import files_of
from pytest_labkit.domain.model import Criterion, Lab

Run = Callable[[Sequence[str], Path], int]
"""Arguments of pytest, a file for what it prints -> its exit status."""

TODO, PASSED, CAUGHT = frozenset({"todo"}), frozenset({"passed"}), frozenset({"failed", "error"})
_TESTS = "tests.xml"
_BROKEN = 20  # the exit code of a run in which the kit or a service broke


@dataclass(frozen=True)
class Trial:
    """
    A run of *lab* on *answers*, and the verdicts that it has to end with.

    Args:
        lab: The lab.
        name: `stubs`, `solution` or the name of a planted bug.
        answers: Folders of answers, the first that has a file wins.
        expected: Criterion -> the verdicts that are right; no other criterion is run.
        advice: What to do where a verdict is another, by criterion; `None` for all that are not named.
        must_fail: The test that must not pass, as `file::function`, if there is one.
        quick: Whether no other test is run, and where none is named the first failure is enough.
    """

    lab: Lab
    name: str
    answers: tuple[Path, ...]
    expected: Mapping[str, frozenset[str]]
    advice: Mapping[str | None, str]
    must_fail: str | None = None
    quick: bool = False

    def arguments(self, root: Path, reports: Path) -> list[str]:
        """What pytest is called with, in *root*."""
        place = self.lab.folder.relative_to(root).as_posix()
        return [
            self._place_of(self.must_fail, root) if self.must_fail and self.quick else place,
            *(f"--lab-answers={folder}" for folder in self.answers),
            *(f"--lab-criterion={id_}" for id_ in self.expected),
            f"--lab-report={reports}",
            f"--junitxml={reports / _TESTS}",
            *("-q", "-p", "no:cacheprovider"),
            *(["--exitfirst"] if self.quick else []),
        ]

    def _place_of(self, test: str, root: Path) -> str:
        """*test*, as `file::function`, as pytest is called with it in *root*."""
        file, _, function = test.partition("::")
        path = next(iter(files_of(self.lab.folder, file)), self.lab.folder / file)
        return f"{path.relative_to(root).as_posix()}::{function}"


@dataclass(frozen=True)
class Result:
    """
    How a trial ended: *complaints* are sentences for the author, none if all was as it has to be.

    *broken* is a run that proves nothing, because the kit or a service broke.
    """

    trial: Trial
    duration_s: float
    complaints: tuple[str, ...] = ()
    broken: bool = False


@dataclass(frozen=True)
class Proof:
    """What is tried of a lab; *fast* leaves out what is timed, and runs one test for a bug that names it."""

    lab: Lab
    root: Path
    fast: bool = False

    @property
    def trials(self) -> list[Trial]:
        """The stubs, the model answers, and every planted bug."""
        return [self.stubs(), self.solution(), *map(self.bug, planted.bugs(self.lab, self._solutions))]

    @property
    def _solutions(self) -> Path:
        return self.root / "solutions"

    @property
    def _criteria(self) -> tuple[Criterion, ...]:
        return (*self.lab.criteria, *self.lab.challenges)

    def stubs(self) -> Trial:
        """The lab as it is given out: whatever is called first says that it is still to do."""
        return Trial(
            self.lab,
            "stubs",
            (),
            {criterion.id: TODO for criterion in self._criteria},
            {
                criterion.id: f'let what it calls first raise NotImplementedError("TODO {criterion.id}: …") '
                f"in {criterion.look_at or ', '.join(self.lab.answers)}"
                for criterion in self._criteria
            },
        )

    def solution(self) -> Trial:
        """The model answers."""
        chosen = [c for c in self._criteria if not (self.fast and c.targets)]
        mend = f"mend solutions/{self.lab.folder.name}, or the test if it asks for more than the README says"
        return Trial(self.lab, "solution", (self._solutions,), {c.id: PASSED for c in chosen}, {None: mend})

    def bug(self, bug: planted.Planted) -> Trial:
        """
        A planted bug over the model answers: caught by its criterion, and by no other of the same part.

        Other parts are not asked: the answers of a later one may build on what the bug has broken.
        """
        part = self.lab.criterion(bug.criterion).part
        spared = [c.id for c in self._criteria if c.part == part and not c.targets and c.id not in bug.also]
        others = [] if self.fast else spared
        show = f"write a test of {bug.criterion} that shows it ({bug.reason}), or take it out"
        narrow = f'narrow the bug, or name the criterion in planted/{bug.name}/planted.toml: also = ["…"]'
        return Trial(
            self.lab,
            bug.name,
            (bug.folder, self._solutions),
            dict.fromkeys(others, PASSED) | {bug.criterion: CAUGHT},
            {bug.criterion: show, None: narrow},
            bug.test,
            self.fast,
        )


def carry_out(trial: Trial, root: Path, folder: Path, run: Run) -> Result:
    """Make the run of *trial*, with its report and output in *folder*, and judge it."""
    folder.mkdir(parents=True)
    began = time.monotonic()
    output = folder / "output.txt"
    try:
        status = run(trial.arguments(root, folder), output)
    except (OSError, TimeoutError) as error:
        return Result(trial, time.monotonic() - began, (f"{_where(trial)}: {error}",), broken=True)
    report = _report(folder / trial.lab.id / "report.json")
    took = time.monotonic() - began
    if report is None or status == _BROKEN:
        return Result(trial, took, (_no_proof(trial, status, output),), broken=True)
    return Result(trial, took, tuple(complaints(trial, report, _failures(folder / _TESTS))))


def complaints(trial: Trial, report: Mapping[str, Any], failures: Collection[str]) -> Iterator[str]:
    """What is wrong with *trial* by its *report* and the tests that failed, and what to do about it."""
    if trial.must_fail and trial.must_fail not in failures:
        caught = f"{', '.join(failures)} did" if failures else "no other did"
        yield (
            f"{_where(trial)}: {trial.must_fail}, which planted.toml names, does not fail on it, {caught}: "
            "name the test that shows it, or write it"
        )
        return
    ended = {criterion["id"]: criterion for criterion in (*report["criteria"], *report["challenges"])}
    for id_, right in trial.expected.items():
        criterion = ended[id_]
        if criterion["verdict"] in right:
            continue
        got = (criterion["message"] or {}).get("got", "").partition("\n")[0]
        said = f"{criterion['verdict']}, not {' or '.join(sorted(right))}"
        advice = trial.advice.get(id_) or trial.advice[None]
        yield f"{_where(trial)}: {id_} is {said}{f' ({got})' if got else ''}: {advice}"


def _failures(path: Path) -> list[str]:
    """The tests that did not pass in the JUnit file that pytest wrote, as `file::function`."""
    if not path.is_file():
        return []
    cases = ElementTree.parse(path).iter("testcase")  # noqa: S314 (the run's own file)
    failed = [case for case in cases if any(child.tag in ("failure", "error") for child in case)]
    return list(dict.fromkeys(_test(case.get("classname", ""), case.get("name", "")) for case in failed))


def _test(classname: str, name: str) -> str:
    return f"{classname.rpartition('.')[2]}.py::{name.partition('[')[0]}"


def _where(trial: Trial) -> str:
    places = {"stubs": "untouched stubs", "solution": "model answers"}
    return f"{trial.lab.id}: {places.get(trial.name, f'planted/{trial.name}')}"


def _report(path: Path) -> Mapping[str, Any] | None:
    try:
        report = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return report if isinstance(report, dict) else None


def _no_proof(trial: Trial, status: int, output: Path) -> str:
    lines = output.read_text("utf-8", "replace").split("\n") if output.is_file() else []
    tail = [line for line in lines if line.strip()][-8:]
    return "\n    ".join(
        [f"{_where(trial)}: the run proves nothing, it ended with exit status {status}:", *tail]
    )


def carry_out_all(
    trials: Iterable[Trial], root: Path, folder: Path, run: Run, *, at_once: int
) -> Iterator[Result]:
    """The results of *trials*, *at_once* at a time, in the order in which they end."""
    with ThreadPoolExecutor(at_once) as pool:
        began = [
            pool.submit(carry_out, trial, root, folder / f"{number}-{trial.name}", run)
            for number, trial in enumerate(trials)
        ]
        try:
            yield from (future.result() for future in as_completed(began))
        finally:
            pool.shutdown(cancel_futures=True)
