"""
Lab 4 through both doors: stubs are todo, model answers and other right designs pass, bugs are caught.

The first bug of each criterion that needs no shop is tried always. All others, and the model answers to what
needs one, are among the exhaustive tests; CI runs the whole lab as a step of its own.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_labkit.cli.check_labs.trials import PASSED, Proof, Trial
from pytest_labkit.course import planted
from pytest_labkit.course.planted import Planted
from tests.labs.conftest import LAB4, ROOT, Trials, selected

DOORS = ("direct", "process")
PROOF = Proof(LAB4, ROOT, fast=True)
QUICK = ("A1", "A2", "A3", "A4", "A5", "C1", "C2")
"""The criteria that need no shop."""

BUGS = planted.bugs(LAB4, ROOT / "solutions")
FIRST = {bug.criterion: bug for bug in reversed(BUGS)}
DESIGNS = sorted(path for path in (ROOT / "tests" / "labs" / "designs" / "lab4").iterdir() if path.is_dir())


def trial_of(design: Path) -> Trial:
    """A run on *design*: of part A on a breaker, of the others on a client that uses one."""
    advice = {None: "a right design has to pass: mend the test, or the README"}
    parts = "A" if (design / "circuit_breaker.py").exists() else ""
    parts += "BC" if (design / "payment_client.py").exists() else ""
    expected = {c.id: PASSED for c in LAB4.criteria if c.part in parts}
    return Trial(LAB4, design.name, (design, ROOT / "solutions"), expected, advice)


def bug_and_door(bug: Planted, door: str) -> Any:
    """*bug* through *door*; exhaustive unless it is its criterion's first, in `direct`, and needs no shop."""
    always = bug == FIRST[bug.criterion] and bug.criterion in (*QUICK, "B7") and door == "direct"
    marks = () if always else pytest.mark.exhaustive
    return pytest.param(bug, door, id=f"{bug.name}-{door}", marks=marks)


@pytest.fixture(scope="module")
def doors(trials: Trials, request: pytest.FixtureRequest) -> dict[str, Trials]:
    """Trials through each door, with the selected bugs and designs on their way."""
    made = {door: trials.through(door) for door in DOORS}
    for bug, door in selected(request, "bug", "door"):
        made[door].start(PROOF.bug(bug))
    for design, door in selected(request, "design", "door"):
        made[door].start(trial_of(design))
    return made


def test_untouched_stubs_are_todo(doors: dict[str, Trials]) -> None:
    """Whatever a criterion calls first, it says that it is still to do."""
    doors["direct"].start(PROOF.stubs())
    assert () == doors["direct"].complaints("stubs")


@pytest.mark.parametrize("door", DOORS)
def test_model_answers_pass(door: str, doors: dict[str, Trials]) -> None:
    """Every criterion that needs no shop is passed."""
    whole = PROOF.solution()
    doors[door].start(replace(whole, expected={id_: whole.expected[id_] for id_ in QUICK}))
    assert () == doors[door].complaints("solution")


@pytest.mark.exhaustive
@pytest.mark.parametrize("door", DOORS)
def test_model_answers_pass_with_the_shop(door: str, doors: dict[str, Trials]) -> None:
    """Every criterion is passed, those included that are timed."""
    whole = Proof(LAB4, ROOT).solution()
    doors[door].start(replace(whole, name="whole"))
    assert () == doors[door].complaints("whole")


@pytest.mark.parametrize("door", DOORS)
def test_a_client_that_cannot_be_loaded_is_the_student_s_error(
    door: str, doors: dict[str, Trials], tmp_path: Path
) -> None:
    """No shop is started for it, and the kit does not take the blame."""
    client = (ROOT / "solutions" / "lab4" / "payment_client.py").read_text("utf-8")
    (tmp_path / "payment_client.py").write_text(f"{client}\nimport nothing_such\n", "utf-8")
    wanted = dict.fromkeys(("B1", "C3"), frozenset({"error"}))
    folders = (tmp_path, ROOT / "solutions")
    doors[door].start(
        Trial(LAB4, "cannot_be_loaded", folders, wanted, {None: "see labs/lab4/checks/conftest.py"})
    )
    assert () == doors[door].complaints("cannot_be_loaded")


@pytest.mark.parametrize(("bug", "door"), [bug_and_door(bug, door) for bug in BUGS for door in DOORS])
def test_a_planted_bug_is_caught_by_its_criterion(bug: Planted, door: str, doors: dict[str, Trials]) -> None:
    """The test that the bug was planted for fails, and its criterion with it."""
    assert () == doors[door].complaints(bug.name)


@pytest.mark.exhaustive
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_another_right_design_passes(design: Path, door: str, doors: dict[str, Trials]) -> None:
    """What counts is behaviour, not how a breaker keeps its state."""
    assert () == doors[door].complaints(design.name)


def test_every_criterion_catches_two_bugs() -> None:
    """One may be caught by chance."""
    counts = {c.id: sum(bug.criterion == c.id for bug in BUGS) for c in LAB4.criteria}
    assert [] == [id_ for id_, count in counts.items() if count < 2]


def test_known_mistakes_are_listed() -> None:
    """The table of known mistakes names every planted bug that is an example of one, at its item."""
    text = (ROOT / "solutions" / "lab4" / "planted" / "README.md").read_text("utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| CB")]
    listed = {(row[1].strip(), bug) for row in rows for bug in re.findall(r"`([A-Z]\d_\w+)`", row[3])}
    told = {bug.name: tomllib.loads((bug.folder / planted.FILE).read_text("utf-8")) for bug in BUGS}
    assert {(plan["item"], name) for name, plan in told.items() if "item" in plan} == listed
