"""Commands to copy: they work in the folder that the student stands in."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_labkit.host.settings import Settings
from pytest_labkit.runs import commands

ROOT = Path("/home/ann/my course")
LAB = ROOT / "labs" / "lab3"


@pytest.mark.parametrize(
    ("here", "answers", "expected"),
    [
        (ROOT, (), "pytest labs/lab3"),
        (LAB, (), "pytest ."),
        (ROOT / "labs", (), "pytest lab3"),
        (LAB, (ROOT / "mine",), "pytest . --lab-answers ../../mine"),
        (ROOT, (ROOT / "a b", Path("/tmp/x")), "pytest labs/lab3 --lab-answers 'a b' --lab-answers /tmp/x"),
        (ROOT, (ROOT / "solutions",), "pytest labs/lab3 --lab-solution"),
        (Path("/elsewhere"), (), "pytest '/home/ann/my course/labs/lab3'"),
    ],
)
def test_a_run_is_typed_as_it_works_there(here: Path, answers: tuple[Path, ...], expected: str) -> None:
    """The folder fits, the answers stay the same, blanks are quoted."""
    assert expected == commands.check(LAB, Settings(ROOT, here=here, answers=answers))


def test_criteria_are_named() -> None:
    """Each with its option."""
    shown = commands.check(LAB, Settings(ROOT), "A2", "A3")
    assert "pytest labs/lab3 --lab-criterion A2 --lab-criterion A3" == shown
