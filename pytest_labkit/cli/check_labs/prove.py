"""
`labkit check-labs`: what is wrong with a lab, said as it is found, and a table of what was proven.

The runs are pytests of their own, on services that are kept for all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from pytest_labkit import services
from pytest_labkit.cli.check_labs import warm
from pytest_labkit.cli.check_labs.plan import Proof, Trial
from pytest_labkit.cli.check_labs.trials import Result, Run, carry_out_all
from pytest_labkit.course.imports import third_party
from pytest_labkit.course.mutants import mutants
from pytest_labkit.course.submission import matching, stage
from pytest_labkit.course.testfiles import files_of, tests_of
from pytest_labkit.domain.model import Criterion, Lab
from pytest_labkit.host.scratch import Scratch
from pytest_labkit.host.settings import Settings

Say = Callable[[str], None]
DEADLINE_S = 900.0  # for one run


@dataclass
class Checked:
    """What the runs of *lab* came to."""

    lab: Lab
    results: list[Result] = field(default_factory=list)

    @property
    def complaints(self) -> list[str]:
        """All that is wrong, in the order of the trials."""
        return [complaint for result in self.results for complaint in result.complaints]

    @property
    def broken(self) -> bool:
        """Whether a run proved nothing, because the kit or a service broke."""
        return any(result.broken for result in self.results)


def prove(
    proof: Proof,
    trials: Sequence[Trial],
    settings: Settings,
    *,
    at_once: int,
    say: Say,
    run: Run | None = None,
) -> Checked:
    """
    Carry out *trials* of *proof*, *at_once* at a time, and say of each how it ended.

    *run* makes a run; if it is left out, services are up and each run is a pytest of its own.
    """
    checked = Checked(proof.lab)
    with (
        closing(Scratch("check")) as scratch,
        _runner(proof, settings, run, scratch.path, many=len(trials) > 1) as chosen,
        closing(
            carry_out_all(trials, proof.root, scratch.path, chosen, at_once=at_once, end=warm.end)
        ) as results,
    ):
        for result in results:
            checked.results.append(result)
            say(f"{_mark(result)} {len(checked.results)}/{len(trials)} {_line(result)}")
    order = {trial.name: number for number, trial in enumerate(trials)}
    checked.results.sort(key=lambda result: order[result.trial.name])
    return checked


def _mark(result: Result) -> str:
    return "?" if result.broken else "✗" if result.complaints else "✓"


def _line(result: Result) -> str:
    return f"{result.trial.lab.id} {result.trial.name} ({result.duration_s:.1f} s)"


@contextmanager
def _runner(proof: Proof, settings: Settings, run: Run | None, folder: Path, *, many: bool) -> Iterator[Run]:
    """How a run is made: in a fork of one process; if there are *many*, on services kept for all of them."""
    if run is not None:
        yield run
        return
    lab, root = proof.lab, proof.root
    answers = [root / "solutions" / lab.folder.name / path for path in matching(lab.folder, lab.answers)]
    read = [*answers, *files_of(lab.folder, "*.py")]
    imported = [*stage(lab, (), root).imports, *third_party(read, lab.package)]
    warm.preload(name.partition(":")[0] for name in imported)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= {"LABKIT_BACKEND": settings.backend, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    with _kept(lab, settings) if many else nullcontext():
        yield lambda arguments, output: warm.run(
            arguments, folder=root, env=environment, output=output, deadline_s=DEADLINE_S
        )


@contextmanager
def _kept(lab: Lab, settings: Settings) -> Iterator[None]:
    """The services of *lab*, kept for its runs as `labkit up` does; those that were up already stay so."""
    if settings.backend == "external" or not lab.services:
        yield
        return
    before = {status.endpoint.service for status in services.status(settings)}
    try:
        services.up(settings, lab.services, brokers=lab.brokers)
        yield
    finally:
        services.down(settings, spare=before)


def table(checked: Checked, root: Path) -> Iterator[str]:
    """
    A line for each criterion: its tests, and what was proven of it; `-` where nothing was tried.

        criterion  tests  stubs  solution  bugs caught
        A1            10  todo   passed            9/9
    """
    yield f"{'criterion':<10} {'tests':>5}  {'stubs':<6} {'solution':<9} bugs caught"
    tests = tests_of(checked.lab)
    for criterion in (*checked.lab.criteria, *checked.lab.challenges):
        yield (
            f"{criterion.id:<10} {len(tests.get(criterion.id, ())):>5}  "
            f"{_held(checked, 'stubs', criterion, 'todo'):<6} "
            f"{_held(checked, 'solution', criterion, 'passed'):<9} {_caught(checked, criterion, root):>11}"
        )


def _held(checked: Checked, name: str, criterion: Criterion, right: str) -> str:
    """*right* if the trial found it so, `no` if not, `-` if it did not try."""
    for result in checked.results:
        if result.trial.name == name and criterion.id in result.trial.expected and not result.broken:
            return "no" if any(f" {criterion.id} is " in said for said in result.complaints) else right
    return "-"


def _caught(checked: Checked, criterion: Criterion, root: Path) -> str:
    own = {one.id for one in mutants(checked.lab, root / "solutions") if one.criterion == criterion.id}
    tried = [r for r in checked.results if r.trial.name in own and not r.broken]
    return f"{sum(not result.complaints for result in tried)}/{len(own)}"
