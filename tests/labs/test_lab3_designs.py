"""
Other right answers to lab 3 pass: what counts is behaviour, not which items an answer keeps.

With `LAB3_DESIGNS=timed` the designs that can be fast are held to A7, too.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from pytest_labkit.cli.check_labs.trials import PASSED, Trial
from tests.labs.conftest import LAB, ROOT, Trials, selected

DESIGNS = sorted(path.parent for path in (ROOT / "tests" / "labs" / "designs").glob("*/design.toml"))
TIMED = os.environ.get("LAB3_DESIGNS") == "timed"


def trial_of(design: Path) -> Trial:
    """
    A run of the criteria that *design* is held to: those of its parts, which is part A if it names none.

    What has a target is left out for a design that cannot be fast.
    """
    told = tomllib.loads((design / "design.toml").read_text("utf-8"))
    parts = told.get("parts", ["A"])
    held_to = [
        c.id for c in LAB.criteria if c.part in parts and (not c.targets or (TIMED and not told["slow"]))
    ]
    advice = {None: "a right design has to pass: mend the test, or the README"}
    folders = (design, ROOT / "solutions")
    return Trial(LAB, design.name, folders, dict.fromkeys(held_to, PASSED), advice)


@pytest.fixture(scope="module")
def begun(trials: Trials, request: pytest.FixtureRequest) -> Trials:
    """Trials, with those of the selected designs on their way."""
    for (design,) in selected(request, "design"):
        trials.start(trial_of(design))
    return trials


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_another_right_design_passes(design: Path, begun: Trials) -> None:
    """Every criterion that the design is held to is passed."""
    assert () == begun.complaints(design.name)
