"""What an author is told about a lab whose files do not fit together: which file, and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.authors import A1, RIGHT, AuthorsLab


@pytest.fixture
def lab(tmp_path: Path) -> AuthorsLab:
    """A sound lab."""
    return AuthorsLab(tmp_path)


MUTANT = "solutions/tiny/mutants/A1.toml"
SHIFTED = "solutions/tiny/mutants/A2.toml"
DESIGN = "solutions/tiny/designs/shifts/design.toml"
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
    "mutants that are no TOML": (
        (MUTANT, "why", "= why"),
        f"{MUTANT}:4: it is not valid TOML: Invalid statement (at line 4, column 1)",
    ),
    "mutant with an unknown key": (
        (MUTANT, "caught_by", "caughtby"),
        f"{MUTANT}:3: mutant.A1_minus.caughtby: Extra inputs are not permitted",
    ),
    "mutant without a test": (
        (MUTANT, "caught_by", "# caught_by"),
        f"{MUTANT}:2: mutant.A1_minus.caught_by: Field required",
    ),
    "mutant without a reason": (
        (MUTANT, "the operator is another one than it has to be", "wrong"),
        f"{MUTANT}:4: mutant.A1_minus.why: String should have at least 20 characters",
    ),
    "mutant without a change": (
        (MUTANT, '[[mutant.A1_minus.change]]\nfind = "a + b"\nreplace = "a - b"', ""),
        f"{MUTANT}:2: mutant.A1_minus: a change says what to find and replace, or names a whole file",
    ),
    "change that says two things": (
        (MUTANT, "replace", 'whole = "other.py"\nreplace'),
        f"{MUTANT}:7: mutant.A1_minus.change.0: a change says what to find and replace, "
        "or names a whole file",
    ),
    "mutant for no criterion": (
        (MUTANT, '["A2"]', '["A9"]'),
        f"{MUTANT}:5: A1_minus: lab.toml has no criterion A9; it has A1, A2",
    ),
    "mutant that fails another criterion for no reason": (
        (MUTANT, "a double is made by the same sum", "so"),
        f"{MUTANT}:5: A1_minus: also_why says why it cannot but fail them too",
    ),
    "mutant that breaks an unknown promise": (
        (MUTANT, "\nwhy =", '\nbreaks = ["A1.9"]\nwhy ='),
        f"{MUTANT}:4: A1_minus: README.md has no promise A1.9",
    ),
    "mutant that breaks another criterion's promise first": (
        (MUTANT, "\nwhy =", '\nbreaks = ["A2.1"]\nwhy ='),
        f"{MUTANT}:4: A1_minus: it breaks A2.1 first, not a promise of its criterion",
    ),
    "mutant under another name": (
        (MUTANT, "mutant.A1_minus", "mutant.A2_minus"),
        f"{MUTANT}:2: A2_minus: its id begins with the criterion that catches it: A1_…",
    ),
    "mutant with another's id": (
        (MUTANT, "[[mutant.A1_minus.change]]", "[mutant.A1_minus]"),
        f"{MUTANT}:7: it is not valid TOML: Cannot declare ('mutant', 'A1_minus') twice "
        "(at line 7, column 17)",
    ),
    "mutant with the id of another criterion's": (
        (SHIFTED, "A2_thrice", "A1_minus"),
        f"{SHIFTED}:2: A1_minus: its id begins with the criterion that catches it: A2_…",
    ),
    "change of a mutant that is not there": (
        (MUTANT, "[[mutant.A1_minus.change]]", "[[mutant.A1_plus.change]]"),
        f"{MUTANT}:7: mutant.A1_plus.caught_by: Field required",
    ),
    "replacement of nothing": (
        (MUTANT, "also_why", 'replace = "a - b"\nalso_why'),
        f"{MUTANT}:2: mutant.A1_minus: replace and add say what becomes of a text: find names it",
    ),
    "file of nothing": (
        (MUTANT, "also_why", 'file = "calc.py"\nalso_why'),
        f"{MUTANT}:2: mutant.A1_minus: file says where a change is made, and none is",
    ),
    "addition to nothing": (
        (MUTANT, 'find = "a + b"\nreplace', "add"),
        f"{MUTANT}:7: mutant.A1_minus.change.0: a change says what to find and replace, "
        "or names a whole file",
    ),
    "change that replaces and adds": (
        (MUTANT, "replace", 'add = "    return 0"\nreplace'),
        f"{MUTANT}:7: mutant.A1_minus.change.0: a change replaces a text or adds lines behind it",
    ),
    "lines added in the middle of one": (
        (MUTANT, 'find = "a + b"\nreplace = "a - b"', 'find = "a +"\nadd = "    return 0"'),
        f"{MUTANT}:8: A1_minus: the text to find occurs 0 times in calc.py of solution, "
        "and has to occur once",
    ),
    "half a line taken out": (
        (MUTANT, 'find = "a + b"\nreplace = "a - b"', 'find = "return a"'),
        f"{MUTANT}:8: A1_minus: the text to find occurs 0 times in calc.py of solution, "
        "and has to occur once",
    ),
    "mutant caught by no test": (
        (MUTANT, "test_add", "test_sum"),
        f"{MUTANT}:3: A1_minus: test_calc.py::test_sum is no test of A1; "
        "those are test_calc.py::test_add, test_calc.py::test_add_nothing",
    ),
    "mutant of no base": (
        (SHIFTED, '"shifts"', '"shift"'),
        f"{SHIFTED}:3: A2_thrice: there is no base shift; there are solution, shifts",
    ),
    "text that is nowhere": (
        (MUTANT, 'find = "a + b"', 'find = "b + a"'),
        f"{MUTANT}:8: A1_minus: the text to find occurs 0 times in calc.py of solution, "
        "and has to occur once",
    ),
    "text that is there twice": (
        (MUTANT, 'find = "a + b"', 'find = "return"'),
        f"{MUTANT}:8: A1_minus: the text to find occurs 2 times in calc.py of solution, "
        "and has to occur once",
    ),
    "change of another file": (
        (MUTANT, "find", 'file = "sums.py"\nfind'),
        f"{MUTANT}:7: A1_minus: solution has calc.py, and no file 'sums.py'",
    ),
    "whole file that is not there": (
        (MUTANT, 'find = "a + b"\nreplace = "a - b"', 'whole = "A1_minus/calc.py"'),
        f"{MUTANT}:8: A1_minus: A1_minus/calc.py: No such file or directory",
    ),
    "mutant that is its base": (
        (MUTANT, 'replace = "a - b"', 'replace = "a + b"'),
        f"{MUTANT}:2: A1_minus: it is the same as its base, solution",
    ),
    "mutant that is no Python": (
        (MUTANT, 'replace = "a - b"', 'replace = "a -"'),
        f"{MUTANT}:2: A1_minus: the changed calc.py does not parse: invalid syntax (<unknown>, line 3)",
    ),
    "design without a description": (
        (DESIGN, "description", "# description"),
        f"{DESIGN}:1: description: Field required",
    ),
    "design of a part that is not there": (
        (DESIGN, '["A"]', '["Z"]'),
        "tiny: designs/shifts: lab.toml has no part Z; it has A",
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
    (lab.root / "solutions/tiny/mutants/A2.toml").unlink()
    assert "tiny: no mutant is there for A2 to catch" in lab.problems()


def test_files_of_a_design_that_are_not_used(lab: AuthorsLab) -> None:
    """A design that has none of the student's files, or others beside them, is not what it looks like."""
    lab.write("solutions/tiny/designs/shifts/test_calc.py", "")
    assert ["tiny: designs/shifts: test_calc.py is no file of a student's, and is not used"] == lab.problems()
    (lab.root / "solutions/tiny/designs/shifts/calc.py").unlink()
    assert "tiny: designs/shifts: there is no file of a student's in it (calc.py)" in lab.problems()


@pytest.mark.parametrize(
    ("file", "right", "wrong", "why"),
    [
        ("rules.yaml", "a: 1", "a: 1: 2", "mapping values are not allowed here"),
        ("sum.avsc", "[1]", "[1", "Expecting ',' delimiter"),
    ],
    ids=["YAML", "Avro"],
)
def test_mutants_of_other_files_are_parsed_too(
    file: str, right: str, wrong: str, why: str, lab: AuthorsLab
) -> None:
    """What cannot be read in the format of an answer is named, as Python is."""
    lab.change("labs/tiny/lab.toml", '["calc.py"]', f'["calc.py", "{file}"]')
    lab.write(f"solutions/tiny/{file}", right)
    change = f'[[mutant.A1_minus.change]]\nfile = "{file}"\nfind = "{right}"\nreplace = "{wrong}"\n'
    lab.write(
        MUTANT,
        (lab.root / MUTANT)
        .read_text("utf-8")
        .replace("[[mutant.A1_minus.change]]", '[[mutant.A1_minus.change]]\nfile = "calc.py"')
        + change,
    )
    (told,) = (said for said in lab.problems() if said.startswith(MUTANT))
    assert told.startswith(f"{MUTANT}:2: A1_minus: the changed {file} does not parse: ")
    assert why in told


def test_a_whole_file_that_is_no_text_is_told(lab: AuthorsLab) -> None:
    """With the place that names it."""
    (lab.root / "solutions/tiny/mutants/latin.py").write_bytes(b"\xff")
    lab.change(MUTANT, 'find = "a + b"\nreplace = "a - b"', 'whole = "latin.py"')
    assert [f"{MUTANT}:8: A1_minus: latin.py is not UTF-8: "] == [
        told.partition("'utf-8'")[0] for told in lab.problems()
    ]


def test_a_base_that_nobody_tries_is_no_base(lab: AuthorsLab) -> None:
    """A folder of designs without a design.toml proves nothing."""
    lab.write("solutions/tiny/designs/bare/calc.py", RIGHT)
    lab.change(SHIFTED, '"shifts"', '"bare"')
    assert f"{SHIFTED}:3: A2_thrice: there is no base bare; there are solution, shifts" in lab.problems()


@pytest.mark.parametrize("header", ["[mutant.A1_minus]  # the first", "[ mutant.A1_minus ]"])
def test_lines_are_right_however_a_table_is_written(header: str, lab: AuthorsLab) -> None:
    """A comment behind a table's name, or spaces in it, do not shift what is told of the next one."""
    second = A1.replace("A1_minus", "A1_again").replace("a - b", "a + b")
    lab.write(MUTANT, A1.replace("[mutant.A1_minus]", header) + second)
    assert f"{MUTANT}:11: A1_again: it is the same as its base, solution" in lab.problems()


def test_a_text_of_several_lines_holds_no_tables(lab: AuthorsLab) -> None:
    """A line in it that looks like a table is not taken for one."""
    find = "find = '''\nx = [\n[a]\n]'''"
    lab.change(MUTANT, 'find = "a + b"', find)
    assert [f"{MUTANT}:8"] == [told.partition(": A1_minus")[0] for told in lab.problems()]
