"""
What `labkit check-labs` proves of lab 3: stubs are todo, model answers pass, planted bugs are caught.

Each bug fails the test that it was planted for. With `LAB3_PLANTED=whole` all criteria run, and pass but
for those that the bug breaks too.
"""

from __future__ import annotations

import os
import re
import tomllib
from typing import Any

import pytest

from pytest_labkit.cli.check_labs.trials import Proof
from pytest_labkit.course import planted
from pytest_labkit.course.planted import Planted
from tests.labs.conftest import LAB, ROOT, Trials, selected

BUGS = planted.bugs(LAB, ROOT / "solutions")
WHOLE = os.environ.get("LAB3_PLANTED") == "whole"
PROOF = Proof(LAB, ROOT, fast=not WHOLE)


def with_time(bug: Planted) -> Any:
    """*bug*, among the exhaustive tests if it takes long: what measures, and all beyond part A, 5 to 40 s."""
    criterion = LAB.criterion(bug.criterion)
    takes_long = bool(criterion.targets) or criterion.part != "A"
    return pytest.param(bug, marks=pytest.mark.exhaustive if takes_long else ())


@pytest.fixture(scope="module")
def begun(trials: Trials, request: pytest.FixtureRequest) -> Trials:
    """Trials, with those of the selected bugs on their way."""
    for (bug,) in selected(request, "bug"):
        trials.start(PROOF.bug(bug))
    return trials


def test_untouched_stubs_are_todo(trials: Trials) -> None:
    """Whatever a criterion calls first, it says that it is still to do."""
    trials.start(PROOF.stubs())
    assert () == trials.complaints("stubs")


@pytest.mark.exhaustive  # three minutes; what decides on a change runs the lab anyway, on two backends
def test_model_answers_pass(trials: Trials) -> None:
    """Every criterion is passed, those that are timed included."""
    trials.start(Proof(LAB, ROOT).solution())
    assert () == trials.complaints("solution")


@pytest.mark.parametrize("bug", [*map(with_time, BUGS)], ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught_by_its_criterion(bug: Planted, begun: Trials) -> None:
    """The test that the bug was planted for fails, and its criterion with it, and no other criterion."""
    assert () == begun.complaints(bug.name)


def test_every_criterion_catches_two_bugs() -> None:
    """One may be caught by chance."""
    counts = {c.id: sum(bug.criterion == c.id for bug in BUGS) for c in LAB.criteria}
    assert [] == [id_ for id_, count in counts.items() if count < 2]


def test_known_mistakes_are_listed() -> None:
    """The table of known mistakes names every planted bug that is an example of one, at its item."""
    folder = ROOT / "solutions" / "lab3" / "planted"
    rows = [
        line.split("|")
        for line in (folder / "README.md").read_text("utf-8").splitlines()
        if line.startswith(("| ES", "| CQ"))
    ]
    listed = {(row[1].strip(), bug) for row in rows for bug in re.findall(r"`([A-Z]\d_\w+)`", row[3])}
    told = {bug.name: tomllib.loads((bug.folder / planted.FILE).read_text("utf-8")) for bug in BUGS}
    assert {(plan["item"], name) for name, plan in told.items() if "item" in plan} == listed
