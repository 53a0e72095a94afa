"""A small lab as its author has it: stubs, tests, README, model answers and planted bugs; no service."""

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
        self.plant("A1_minus", "A1", "test_add", RIGHT.replace("a + b", "a - b"), also='["A2"]')
        self.plant("A2_thrice", "A2", "test_double", RIGHT.replace("add(n, n)", "add(n, add(n, n))"))
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

    def plant(self, name: str, criterion: str, test: str, text: str, also: str = "[]") -> None:
        """Plant a bug."""
        told = (
            f'criterion = "{criterion}"\ntest = "test_calc.py::{test}"\nalso = {also}\n'
            'reason = "the operator is another one than it has to be"\n'
        )
        self.write(f"solutions/tiny/planted/{name}/calc.py", text)
        self.write(f"solutions/tiny/planted/{name}/planted.toml", told)

    def problems(self) -> list[str]:
        """What the linter says that reads the files."""
        return linter.problems(manifest.read(self.root / "labs" / "tiny", self.root), self.root)
