"""
Other right answers to lab 3 pass: what counts is behaviour, not which items an answer keeps.

With `LAB3_DESIGNS=timed` the designs that can be fast are held to A7, too.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from pytest_labkit import manifest
from tests.labs.conftest import ROOT, Lab3, selected

DESIGNS = sorted(path.parent for path in (ROOT / "tests" / "labs" / "designs").glob("*/design.toml"))
CRITERIA = manifest.read(ROOT / "labs" / "lab3", ROOT).criteria
TIMED = os.environ.get("LAB3_DESIGNS") == "timed"


def wanted(design: Path) -> list[str]:
    """The criteria that *design* is held to."""
    slow = tomllib.loads((design / "design.toml").read_text("utf-8"))["slow"]
    return [criterion.id for criterion in CRITERIA if not criterion.targets or (TIMED and not slow)]


@pytest.fixture(scope="module")
def runs(lab3: Lab3, request: pytest.FixtureRequest) -> Lab3:
    """Lab 3, with a run on each of the selected designs on its way."""
    for design in selected(request, "design"):
        lab3.start(design, wanted(design))
    return lab3


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_another_right_design_passes(design: Path, runs: Lab3) -> None:
    """Every criterion that the design is held to is passed."""
    run = runs.run_of(design)
    expected = dict.fromkeys(wanted(design), "passed")
    assert expected == {id_: run.verdicts.get(id_) for id_ in expected}, run.output
