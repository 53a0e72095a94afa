"""A small lab of its own for the tests of the plugin: no service, two files, three criteria."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

LAB_TOML = """
id = "tiny"
title = "A tiny lab"
answers = ["calc.py", "notes.py"]

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

[[criteria]]
id = "A2"
part = "A"
title = "doubles"
points = 3
needs = ["A1"]
look_at = "calc.py:Doubler.double"
time_limit_s = 2

[[criteria]]
id = "A3"
part = "A"
title = "is fast"
points = 1
targets = ["speed >= 100 sums/s"]
"""

TESTS = '''
from datetime import UTC, datetime

import pytest
from pytest_labkit import expect
from pytest_labkit.domain.model import Span

@pytest.mark.criterion("A1")
def test_add(answers):
    """Two numbers are added. And more."""
    expect.equal(5, answers.calc.add(2, 3), perhaps="the operator is another one")

@pytest.mark.criterion("A1")
def test_add_nothing(answers):
    """Nothing is added to a number."""
    expect.equal(2, answers.calc.add(2, 0))

@pytest.mark.criterion("A2")
def test_double(answers, chronicle):
    """A number is doubled."""
    chronicle("Doubles", [Span("sums", "2 + 2", datetime(2025, 1, 1, tzinfo=UTC))])
    expect.equal(4, answers.calc.Doubler().double(2))

@pytest.mark.criterion("A3")
@pytest.mark.timed
def test_speed(answers, measure):
    """Sums are quick."""
    def sums():
        for _ in range(20):
            answers.calc.add(1, 1)
        return 20
    measure.rate("speed", sums, unit="sums/s")
'''

STUB = """
def add(a, b):
    raise NotImplementedError("TODO A1: the sum of a and b")

class Doubler:
    def double(self, n):
        raise NotImplementedError("TODO A2: twice n")
"""

RIGHT = """
def add(a, b):
    return a + b

class Doubler:
    def double(self, n):
        return add(n, n)
"""


class TinyLab:
    """A project with the lab in it, and runs of it in a process of their own."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.root = pytester.path
        self.folder = self.root / "labs" / "tiny"
        self.folder.mkdir(parents=True)
        for package in (self.folder, self.folder.parent):
            (package / "__init__.py").touch()
        self.write("lab.toml", LAB_TOML)
        self.write("test_calc.py", TESTS)
        self.write("calc.py", STUB)
        pytester.makeini("[pytest]\naddopts = --strict-markers\n")

    def write(self, name: str, text: str) -> Path:
        """Write a file of the lab."""
        path = self.folder / name
        path.write_text(dedent(text))
        return path

    def answers(self, folder: str, name: str, text: str) -> Path:
        """Write a file of answers in *folder*, below the project."""
        path = self.root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    def run(self, *args: str, path: str = "labs/tiny") -> pytest.RunResult:
        """Run pytest on the lab, in this process: twice as fast, and modules are restored."""
        return self.pytester.runpytest_inprocess(path, *args)

    def run_apart(self, *args: str) -> pytest.RunResult:
        """Run pytest on the lab in a process of its own."""
        return self.pytester.runpytest_subprocess("labs/tiny", *args, timeout=120)

    @property
    def report(self) -> dict[str, Any]:
        """The report of the last run."""
        text = (self.root / ".labkit" / "reports" / "tiny" / "report.json").read_text()
        report = json.loads(text)
        assert isinstance(report, dict)
        return report

    @property
    def verdicts(self) -> dict[str, str]:
        """Criterion id -> verdict, of the last run."""
        return {criterion["id"]: criterion["verdict"] for criterion in self.report["criteria"]}

    def message(self, id_: str) -> dict[str, str]:
        """What a student reads of a criterion, of the last run."""
        return next(c["message"] for c in self.report["criteria"] if c["id"] == id_)


@pytest.fixture
def lab(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> TinyLab:
    """The tiny lab, its stubs untouched; this project's own package `labs` is out of its way."""
    for name in [name for name in sys.modules if name == "labs" or name.startswith("labs.")]:
        monkeypatch.delitem(sys.modules, name)
    return TinyLab(pytester)


@pytest.fixture
def right(lab: TinyLab) -> TinyLab:
    """The tiny lab, done."""
    lab.write("calc.py", RIGHT)
    return lab
