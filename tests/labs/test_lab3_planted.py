"""
Every planted bug of lab 3 fails the test that it was planted for, and with it that test's criterion.

With `LAB3_PLANTED=whole` all criteria run, and pass, but for those that the bug breaks too.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pytest_labkit import manifest, runs
from pytest_labkit.model import Lab
from tests.labs.conftest import ROOT, Lab3, selected

PLANTED = ROOT / "solutions" / "lab3" / "planted"
BUGS = sorted(path.parent for path in PLANTED.glob("*/planted.toml"))
WHOLE = os.environ.get("LAB3_PLANTED") == "whole"
CAUGHT = {"failed", "error"}


def told(bug: Path) -> dict[str, Any]:
    """What `planted.toml` says of *bug*."""
    return tomllib.loads((bug / "planted.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def lab() -> Lab:
    """Lab 3 as `lab.toml` has it."""
    return manifest.read(ROOT / "labs" / "lab3", ROOT)


@pytest.fixture(scope="module")
def lab3_runs(lab3: Lab3, lab: Lab, request: pytest.FixtureRequest) -> Lab3:
    """Lab 3, with a run on each of the selected bugs on its way."""
    untimed = [criterion.id for criterion in lab.criteria if not criterion.targets]
    for bug in selected(request, "bug"):
        plan = told(bug)
        if WHOLE:
            lab3.start(bug, dict.fromkeys([plan["criterion"], *untimed]))
        else:
            lab3.start(bug, [plan["criterion"]], "--exitfirst", test=plan["test"])
    return lab3


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught_by_its_criterion(bug: Path, lab3_runs: Lab3) -> None:
    """The criterion that the bug was planted for is not passed, and all that it should spare are."""
    run, plan = lab3_runs.run_of(bug), told(bug)
    assert run.verdicts.get(plan["criterion"]) in CAUGHT, run.output
    assert run.status == 1, run.output
    spared = {id_: verdict for id_, verdict in run.verdicts.items() if verdict != "unknown"}
    for broken in (plan["criterion"], *plan.get("also", [])):
        spared.pop(broken, None)
    assert dict.fromkeys(spared, "passed") == spared, run.output


def test_planted_bugs_are_described(lab: Lab) -> None:
    """Each says which test of which criterion catches it, why, and what else it breaks."""
    criteria, tests = [criterion.id for criterion in lab.criteria], runs.tests_of(lab)
    for bug in BUGS:
        plan = told(bug)
        assert set() == plan.keys() - {"criterion", "test", "reason", "item", "also"}, bug.name
        assert bug.name.startswith(f"{plan['criterion']}_")
        assert len(plan["reason"]) > 20
        assert plan["test"] in tests[plan["criterion"]], bug.name
        assert set() == {plan["criterion"], *plan.get("also", [])} - set(criteria), bug.name
    counts = {id_: sum(told(bug)["criterion"] == id_ for bug in BUGS) for id_ in criteria}
    assert [] == [id_ for id_, count in counts.items() if count < 2]


def test_known_mistakes_are_listed() -> None:
    """The table of known mistakes names every planted bug that is an example of one, at its item."""
    rows = [
        line.split("|") for line in (PLANTED / "README.md").read_text("utf-8").splitlines() if "| ES" in line
    ]
    listed = {(row[1].strip(), bug) for row in rows for bug in re.findall(r"`(A\d_\w+)`", row[3])}
    assert {(told(bug)["item"], bug.name) for bug in BUGS if "item" in told(bug)} == listed
