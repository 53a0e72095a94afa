"""A check that fails names the promise that it is about, and where that stands."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.plugin.conftest import RIGHT, TESTS, TinyLab

README = "# Tiny\n\n- `A1.1` `add` gives the sum of two numbers. `A1.2` Nothing added\n  changes nothing.\n"
PROMISE = "A1.1 (labs/tiny/README.md:3) `add` gives the sum of two numbers."


@pytest.fixture
def promising(right: TinyLab) -> TinyLab:
    """The lab, with a promise that its first test names."""
    right.write("README.md", README)
    right.write(
        "test_calc.py", TESTS.replace("def test_add(", '@pytest.mark.promise("A1.1")\ndef test_add(', 1)
    )
    return right


def test_a_failed_check_names_its_promise(promising: TinyLab) -> None:
    """The terminal, the report and the page show the sentence that was broken, and its line."""
    promising.write("calc.py", RIGHT.replace("a + b", "a - b"))
    result = promising.run()
    result.stdout.fnmatch_lines([f"      promise   {PROMISE}"])
    page = promising.root / ".labkit/reports/tiny/report.html"
    assert "labs/tiny/README.md:3" in page.read_text("utf-8")
    assert [
        {"id": "A1.1", "text": "`add` gives the sum of two numbers.", "at": "labs/tiny/README.md:3"}
    ] == promising.message("A1")["promises"]


def test_an_error_names_its_promise(promising: TinyLab) -> None:
    """So does an answer that raises."""
    promising.write("calc.py", "def add(a, b):\n    return 1 / 0\n")
    promising.run("--lab-criterion", "A1")
    assert ["A1.1"] == [promise["id"] for promise in promising.message("A1")["promises"]]


def test_a_stub_is_told_what_to_do_and_nothing_else(lab: TinyLab) -> None:
    """What is todo has broken no promise yet."""
    lab.write("README.md", README)
    lab.run("--lab-criterion", "A1")
    assert [] == lab.message("A1")["promises"]


def test_a_test_without_a_promise_names_none(promising: TinyLab) -> None:
    """A check that names no promise says what it says without one."""
    promising.write("calc.py", RIGHT.replace("a + b", "a + b if b else 7"))
    promising.run("--lab-criterion", "A1")
    assert [] == promising.message("A1")["promises"]


def test_a_hint_leads_to_the_promises(promising: TinyLab) -> None:
    """`labkit hint` shows the promises of the criterion after the hint, each with its line."""
    promising.write("hints.toml", 'A1 = ["What is a sum?"]')
    command = [sys.executable, "-m", "pytest_labkit.cli", "hint", "tiny", "A1"]
    shown = subprocess.run(command, cwd=promising.root, capture_output=True, text=True, check=True).stdout
    assert (
        "1. What is a sum?\n\nPromised, line by line, in labs/tiny/README.md:\n"
        "    3  A1.1 `add` gives the sum of two numbers.\n    3  A1.2 Nothing added changes nothing.\n"
    ) in shown


def test_a_check_of_several_promises_names_all(promising: TinyLab) -> None:
    """Which of them is broken only the message can tell: their ids and lines fit in a line."""
    marked = TESTS.replace("def test_add(", '@pytest.mark.promise("A1.1", "A1.2")\ndef test_add(', 1)
    promising.write("test_calc.py", marked)
    promising.write("calc.py", RIGHT.replace("a + b", "a - b"))
    promising.run().stdout.fnmatch_lines(["      promise   A1.1, A1.2 (labs/tiny/README.md:3, 3)"])
