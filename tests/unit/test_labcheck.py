"""What an author is told about a lab whose files do not fit together: which file, and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.authors import AuthorsLab


@pytest.fixture
def lab(tmp_path: Path) -> AuthorsLab:
    """A sound lab."""
    return AuthorsLab(tmp_path)


BUG = "solutions/tiny/planted/A1_minus/planted.toml"
COMPLAINTS = {
    "criterion without a test": (
        ("labs/tiny/test_calc.py", '"A2"', '"A1"'),
        "tiny: no test checks A2",
    ),
    "test of no criterion": (
        ("labs/tiny/test_calc.py", '"A2"', '"A7"'),
        "tiny: test_calc.py::test_double checks A7, which lab.toml does not have",
    ),
    "criterion worth nothing": (
        ("labs/tiny/lab.toml", "points = 3", "points = 0"),
        "tiny: A2 is worth 0 points: a whole number above 0, or make it a challenge",
    ),
    "hint that says nothing": (
        ("labs/tiny/lab.toml", '"Which operator?"', '" "'),
        "tiny: A1 has an empty hint: a question, a narrower one, almost the answer",
    ),
    "place that is not there": (
        ("labs/tiny/lab.toml", "calc.py:add", "calc.py:plus"),
        "tiny: A1 looks at calc.py:plus, which the stub does not define",
    ),
    "stub without TODO": (("labs/tiny/calc.py", "TODO ", ""), "tiny: the stub calc.py has no TODO"),
    "README without the table": (
        ("labs/tiny/README.md", "<!-- criteria -->", ""),
        "tiny: README.md has no place for the table of criteria (<!-- criteria -->)",
    ),
    "README with another table": (
        ("labs/tiny/lab.toml", "doubles", "trebles"),
        "tiny: README.md shows other criteria than lab.toml: labkit check-labs --write",
    ),
    "planted.toml that is no TOML": (
        (BUG, "criterion", "= criterion"),
        "tiny: planted/A1_minus: planted.toml: it is not valid TOML: Invalid statement (at line 1, column 1)",
    ),
    "planted.toml with an unknown key": (
        (BUG, "test", "tests"),
        "tiny: planted/A1_minus: planted.toml: test: Field required. "
        "It says criterion, test, reason, also, item",
    ),
    "planted.toml without a reason": (
        (BUG, "the operator is another one than it has to be", "wrong"),
        "tiny: planted/A1_minus: planted.toml: reason: String should have at least 20 characters. "
        "It says criterion, test, reason, also, item",
    ),
    "planted for no criterion": (
        (BUG, '["A2"]', '["A9"]'),
        "tiny: planted/A1_minus: lab.toml has no criterion A9; it has A1, A2",
    ),
    "planted under another name": (
        (BUG, 'criterion = "A1"', 'criterion = "A2"'),
        "tiny: planted/A1_minus: the folder's name begins with the criterion that catches it: A2_…",
    ),
    "planted and caught by no test": (
        (BUG, "test_add", "test_sum"),
        "tiny: planted/A1_minus: test_calc.py::test_sum is no test of A1; "
        "those are test_calc.py::test_add, test_calc.py::test_add_nothing",
    ),
}


def test_nothing_is_wrong_with_a_sound_lab(lab: AuthorsLab) -> None:
    """A whole lab gives no complaint."""
    assert [] == lab.problems()


@pytest.mark.parametrize(("change", "complaint"), COMPLAINTS.values(), ids=COMPLAINTS.keys())
def test_complaint(lab: AuthorsLab, change: tuple[str, str, str], complaint: str) -> None:
    """What does not fit is named, with its file and what to do."""
    lab.change(*change)
    assert complaint in lab.problems()


def test_missing_stub_solution_and_bug(lab: AuthorsLab) -> None:
    """A file that is asked for and not there, as a stub, as a model answer, as a bug."""
    lab.change("labs/tiny/lab.toml", '["calc.py"]', '["calc.py", "notes.py"]')
    assert "tiny: there is no stub for notes.py" in lab.problems()
    (lab.root / "solutions/tiny/calc.py").unlink()
    assert "tiny: there is no model answer for calc.py" in lab.problems()
    (lab.root / "solutions/tiny/planted/A2_thrice/planted.toml").unlink()
    assert "tiny: no planted bug is there for A2 to catch" in lab.problems()


def test_planted_files_that_are_not_used(lab: AuthorsLab) -> None:
    """A bug that has none of the student's files, or others beside them, is not what it looks like."""
    lab.write("solutions/tiny/planted/A1_minus/test_calc.py", "")
    assert [
        "tiny: planted/A1_minus: test_calc.py is no file of a student's, and is not used"
    ] == lab.problems()
    (lab.root / "solutions/tiny/planted/A1_minus/calc.py").unlink()
    assert "tiny: planted/A1_minus: there is no file of a student's in it (calc.py)" in lab.problems()
