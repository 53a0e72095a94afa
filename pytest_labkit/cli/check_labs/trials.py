"""
Making the runs of a plan, and judging each by its `report.json`, as any other program would read it.

How a run is made is a port, `Run`: `labkit check-labs` forks a pytest for each, tests may have another way.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pytest_labkit.cli.check_labs.plan import TESTS_XML, Trial

Run = Callable[[Sequence[str], Path], int]
"""Arguments of pytest, a file for what it prints -> its exit status."""

_BROKEN = 20  # the exit code of a run in which the kit or a service broke


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


def carry_out(trial: Trial, root: Path, folder: Path, run: Run) -> Result:
    """Make the run of *trial*, with its answers, report and output in *folder*, and judge it."""
    folder.mkdir(parents=True)
    trial.write_files(folder)
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
    return Result(trial, took, tuple(complaints(trial, report, _failures(folder / TESTS_XML))))


def complaints(trial: Trial, report: Mapping[str, Any], failures: Collection[str]) -> Iterator[str]:
    """What is wrong with *trial* by its *report* and the tests that failed, and what to do about it."""
    if trial.caught_by and trial.caught_by not in failures:
        others = "no other was run" if trial.quick else "no other did"
        caught = f"{', '.join(failures)} did" if failures else others
        yield (
            f"{_where(trial)}: {trial.caught_by}, which its caught_by names, does not fail on it, {caught}: "
            "name the test that shows it, write it, or sharpen this one"
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


def carry_out_all(
    trials: Iterable[Trial], root: Path, folder: Path, run: Run, *, at_once: int, end: Callable[[], None]
) -> Generator[Result, None, None]:
    """
    The results of *trials*, *at_once* at a time, in the order in which they end.

    If it is closed before all have, *end* is called, which ends those that run.
    """
    with ThreadPoolExecutor(at_once) as pool:
        began = [
            pool.submit(carry_out, trial, root, folder / f"{number}-{trial.name}", run)
            for number, trial in enumerate(trials)
        ]
        try:
            yield from (future.result() for future in as_completed(began))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            running = [future for future in began if not future.cancelled()]
            while wait(running, timeout=0.1).not_done:  # one of them may be starting just now
                end()


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
    return f"{trial.lab.id}: {trial.where}"


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
