"""
What `labkit check-labs` proves, of every lab and through both doors, a test for each trial.

Stubs are todo, model answers and other right designs pass, each mutant is caught by the test that it names.
What `solutions/labN/proof.toml` names is tried on every change; all else is exhaustive. That a mutant
fails no other criterion is for `labkit check-labs` to show, without `--fast`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_labkit.cli.check_labs.plan import Proof, Trial
from tests.labs.conftest import Trials, selected
from tests.labs.proofs import DOORS, LABS, ROOT, Proven


def tried(trial: Trial, door: str, *, always: bool = False) -> Any:
    """A run of *trial* through *door*, exhaustive unless it is made *always*."""
    marks = () if always else pytest.mark.exhaustive
    return pytest.param(trial, door, id=f"{trial.lab.id}-{trial.name}-{door}", marks=marks)


def solutions() -> Iterator[Any]:
    """The model answers: always on what `proof.toml` says, and whole."""
    for lab in LABS:
        quick = lab.told.get("solution", {}).get("criteria", [])
        yield from (tried(lab.solution(quick), door, always=True) for door in DOORS if quick)
        yield from (tried(lab.solution(), door) for door in DOORS)


def designs() -> Iterator[Any]:
    """Every design through both doors; what is measured through one, as a door changes no behaviour."""
    for lab in LABS:
        for design in lab.designs:
            trial, measured = lab.design(design), lab.measured(design)
            yield from (tried(trial, door) for door in DOORS if trial.expected)
            if measured:
                yield tried(measured, "direct")


def quick_mutants() -> Iterator[Any]:
    """Those that `proof.toml` names, on the test that catches them."""
    for lab in LABS:
        chosen = [mutant for mutant in lab.mutants if mutant.id in lab.always]
        yield from (tried(lab.mutant(mutant), "direct", always=True) for mutant in chosen)


def mutants() -> Iterator[Any]:
    """Every mutant, on all tests of its criterion, and up to the first that fails."""
    for lab in LABS:
        for mutant in lab.mutants:
            trials = lab.every_test(mutant), lab.first_failure(mutant)
            yield pytest.param(*trials, id=f"{lab.lab.id}-{mutant.id}", marks=pytest.mark.exhaustive)


@pytest.fixture(scope="module")
def doors(trials: Trials, request: pytest.FixtureRequest) -> dict[str, Trials]:
    """Trials through each door, with the selected ones on their way."""
    made = {door: trials.through(door) for door in DOORS}
    for trial, door in selected(request, "trial", "door"):
        made[door].start(trial)
    for every, first in selected(request, "every", "first"):
        made["direct"].start(every)
        made["process"].start(first)
    return made


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.lab.id)
def test_untouched_stubs_are_todo(lab: Proven, trials: Trials) -> None:
    """Whatever a criterion calls first, it says that it is still to do."""
    trial = Proof(lab.lab, ROOT).stubs()
    trials.start(trial)
    assert () == trials.complaints(trial)


@pytest.mark.parametrize(("trial", "door"), [*solutions()])
def test_model_answers_pass(trial: Trial, door: str, doors: dict[str, Trials]) -> None:
    """Every criterion is passed; where all are tried, those included that are timed."""
    assert () == doors[door].complaints(trial)


@pytest.mark.parametrize(("trial", "door"), [*designs()])
def test_another_right_design_passes(trial: Trial, door: str, doors: dict[str, Trials]) -> None:
    """What counts is behaviour, not which items an answer keeps, or how a breaker keeps its state."""
    assert () == doors[door].complaints(trial)


@pytest.mark.parametrize(("trial", "door"), [*quick_mutants()])
def test_a_mutant_is_caught_at_once(trial: Trial, door: str, doors: dict[str, Trials]) -> None:
    """The test that the mutant names fails, and its criterion with it."""
    assert () == doors[door].complaints(trial)


@pytest.mark.parametrize(("every", "first"), [*mutants()])
def test_a_mutant_is_caught(every: Trial, first: Trial, doors: dict[str, Trials]) -> None:
    """
    The test that it names fails, and its first failure decides, in a minute of the criterion's tests
    (or what `proof.toml` gives it).

    What starts services and programs before a test is no part of that minute. The verdict is the same with
    `--lab-all` through door `direct`, and without through `process`.
    """
    assert () == doors["direct"].complaints(every)
    assert () == doors["process"].complaints(first)
    assert doors["direct"].verdicts(every) == doors["process"].verdicts(first)
    took = doors["process"].durations(first)
    (lab,) = [lab for lab in LABS if lab.lab.id == first.lab.id]
    assert {} == {id_: took[id_] for id_ in first.expected if took[id_] > lab.refused_s(id_)}


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.lab.id)
def test_no_test_is_given_more_than_a_minute(lab: Proven) -> None:
    """So that whatever hangs is refused in one; `proof.toml` names the one that is given more."""
    criteria = (*lab.lab.criteria, *lab.lab.challenges)
    assert [] == [c.id for c in criteria if c.time_limit_s > lab.refused_s(c.id)]


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.lab.id)
def test_every_criterion_catches_two_mutants(lab: Proven) -> None:
    """One may be caught by chance."""
    counts = {c.id: sum(mutant.criterion == c.id for mutant in lab.mutants) for c in lab.lab.criteria}
    assert [] == [id_ for id_, count in counts.items() if count < 2]


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.lab.id)
def test_known_mistakes_are_listed(lab: Proven) -> None:
    """The table of known mistakes names mutants that are there."""
    text = (ROOT / "solutions" / lab.lab.folder.name / "README.md").read_text("utf-8")
    rows = [line.split("|") for line in text.splitlines() if re.match(r"\| [A-Z]{2}\d\d ", line)]
    listed = {mutant for row in rows for mutant in re.findall(r"`([A-Z]\d_\w+)`", row[3])}
    assert listed
    assert set() == listed - {mutant.id for mutant in lab.mutants}
