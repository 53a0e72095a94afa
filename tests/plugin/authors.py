"""A small lab as its author has it: stubs, tests, README, model answers, a design, mutants; no service."""

from __future__ import annotations

from pathlib import Path

from pytest_labkit.cli.check_labs import linter
from pytest_labkit.course import manifest

LAB_TOML = """
id = "tiny"
title = "A tiny lab"
answers = ["calc.py"]

[[parts]]
id = "A"
title = "Sums"
minutes = 5

[[criteria]]
id = "A1"
part = "A"
title = "adds"
points = 2
look_at = "calc.py:add"
hints = ["What is a sum?", "Which operator?", "It is +."]

[[criteria]]
id = "A2"
part = "A"
title = "doubles"
points = 3
targets = ["speed >= 1 sums/s"]
hints = ["What is a double?", "Add what to what?", "Add it to itself."]
"""

TESTS = '''
import pytest
from pytest_labkit import expect

@pytest.mark.criterion("A1")
def test_add(answers):
    """Two numbers are added."""
    expect.equal(5, answers.calc.add(2, 3))

@pytest.mark.criterion("A1")
def test_add_nothing(answers):
    """Nothing is added to a number."""
    expect.equal(2, answers.calc.add(2, 0))

@pytest.mark.criterion("A2")
def test_double(answers, measure):
    """A number is doubled."""
    expect.equal(4, answers.calc.double(2))
    measure.record("speed", [2.0, 2.0, 2.0], unit="sums/s")
'''

STUB = """
def add(a, b):
    raise NotImplementedError("TODO A1: the sum of a and b")

def double(n):
    raise NotImplementedError("TODO A2: twice n")
"""

RIGHT = """
def add(a, b):
    return a + b

def double(n):
    return add(n, n)
"""

DESIGN = """
import operator

add = operator.add

def double(n):
    return n << 1
"""

DESIGN_TOML = """
description = "Adds by the operator's function, doubles by a shift."
parts = ["A"]
"""

A1 = """
[mutant.A1_minus]
caught_by = "test_calc.py::test_add"
why = "the operator is another one than it has to be"
also_fails = ["A2"]
also_why = "a double is made by the same sum"
[[mutant.A1_minus.change]]
find = "a + b"
replace = "a - b"
"""

A2 = """
[mutant.A2_thrice]
base = "shifts"
caught_by = "test_calc.py::test_double"
why = "the shift is not all that is done to the number"
find = "n << 1"
replace = "n + (n << 1)"
"""


class AuthorsLab:
    """The lab in a project of its own, sound until something is changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("labs/__init__.py", "")
        self.write("labs/tiny/__init__.py", "")
        self.write("labs/tiny/lab.toml", LAB_TOML)
        self.write("labs/tiny/test_calc.py", TESTS)
        self.write("labs/tiny/calc.py", STUB)
        self.write("labs/tiny/README.md", "# Tiny\n<!-- criteria -->\n<!-- /criteria -->\n")
        self.write("pytest.ini", "[pytest]\naddopts = --strict-markers\n")
        self.write("solutions/tiny/calc.py", RIGHT)
        self.write("solutions/tiny/designs/shifts/calc.py", DESIGN)
        self.write("solutions/tiny/designs/shifts/design.toml", DESIGN_TOML)
        self.write("solutions/tiny/mutants/A1.toml", A1)
        self.write("solutions/tiny/mutants/A2.toml", A2)
        linter.write_table(manifest.read(self.root / "labs" / "tiny", self.root))

    def write(self, path: str, text: str) -> None:
        """Write a file of the project."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")

    def change(self, path: str, old: str, new: str) -> None:
        """Replace *old* by *new* in a file of the project."""
        text = (self.root / path).read_text("utf-8")
        assert old in text
        self.write(path, text.replace(old, new))

    def problems(self) -> list[str]:
        """What the linter says that reads the files."""
        return linter.problems(manifest.read(self.root / "labs" / "tiny", self.root), self.root)
