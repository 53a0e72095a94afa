"""What a student's process does comes out in the verdict, the report's status and the exit code."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import RIGHT, TESTS, TinyLab
from tests.plugin.test_verdicts import right_tests

FORGE = """
import os, stat
def forge():
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, b"1 passed")
        except OSError:
            pass
"""


def test_tampering_is_the_status_and_the_exit_code(right: TinyLab) -> None:
    """A forged frame ends in `tampered` and 21, and the message says what came; the rest is judged."""
    right.write("calc.py", FORGE + RIGHT.replace("return add(n, n)", "forge(); return add(n, n)"))
    result = right.run("--lab-door", "process")
    assert 21 == result.ret
    assert "tampered" == right.report["status"]
    assert right.report["passed"] is False
    assert {"A1": "passed", "A2": "error", "A3": "passed"} == right.verdicts
    assert right.message("A2")["got"].startswith(
        "the process that ran your code sent a frame of 824,209,505 bytes"
    )
    assert "what your functions return or raise, and nothing else" == right.message("A2")["expected"]


@pytest.mark.parametrize(
    ("does", "status", "got"),
    [
        ("forge()", 21, "the process that ran your code sent a frame of"),
        ("os._exit(0)", 1, "the process that ran your code ended with exit status 0 in calc.add()"),
    ],
    ids=["tampers", "dies"],
)
def test_a_test_that_catches_everything_hides_nothing(
    right: TinyLab, does: str, status: int, got: str
) -> None:
    """Tampering and death count even where the test swallows what they raise, and passes."""
    right.write("calc.py", FORGE + RIGHT.replace("return a + b", f"{does}; return a + b"))
    swallowing = "\n    try:\n        answers.calc.add(1, 1)\n    except Exception:\n        pass"
    right.write("test_calc.py", right_tests(swallowing))
    assert status == right.run("--lab-door", "process", "--lab-criterion", "A1").ret
    assert "error" == right.verdicts["A1"]
    assert right.message("A1")["got"].startswith(got)


@pytest.mark.parametrize("door", ["direct", "process"])
def test_a_hang_at_import_is_ended_too(right: TinyLab, door: str) -> None:
    """A file that never finishes loading is ended at the time limit, when a fixture loads it too."""
    right.write("conftest.py", "import pytest\n@pytest.fixture\ndef calc(answers): return answers.calc\n")
    right.write("test_calc.py", TESTS.replace("def test_double(answers)", "def test_double(calc, answers)"))
    right.write("calc.py", "import time\ntime.sleep(60)\n" + RIGHT)
    right.run("--lab-door", door, "--lab-criterion", "A2")
    assert "error" == right.verdicts["A2"]
    assert "did not end within 2 s: at calc.py:2 in <module>" == right.message("A2")["got"]
    assert "labs/tiny/calc.py:2" == right.message("A2")["look_at"]


def test_what_a_student_prints_is_shown_as_pytest_shows_output(right: TinyLab) -> None:
    """What a student's process prints is the output of the test, a forged summary included."""
    right.write("calc.py", RIGHT.replace("return a + b", "print('== 9 passed ==') or 1 / 0"))
    result = right.run("--lab-door", "process", "--lab-criterion", "A1", "--tb=short", "-rA")
    assert 1 == result.ret
    result.stdout.fnmatch_lines(["*Captured stdout call*", "== 9 passed =="])
    assert {"A1": "error"} == {"A1": right.verdicts["A1"]}


@pytest.mark.parametrize("door", ["direct", "process"])
def test_wrong_arguments_and_missing_functions_fail(right: TinyLab, door: str) -> None:
    """A function that is not there, or takes other arguments, is the student's failure in both doors."""
    right.write("calc.py", "def add(a): return a\n")
    assert 1 == right.run("--lab-door", door, "-m", "not timed").ret
    assert {"A1": "failed", "A2": "blocked"} == {id_: right.verdicts[id_] for id_ in ("A1", "A2")}
    assert "TypeError: add() takes 1 positional argument but 2 were given" == right.message("A1")["got"]


@pytest.mark.parametrize("door", ["direct", "process"])
def test_a_value_that_lies_fails_under_its_name(right: TinyLab, door: str) -> None:
    """A subclass of int whose == always agrees fails the criterion, and is named."""
    liar = "class Liar(int):\n    def __eq__(self, other): return True\n    __hash__ = None\n"
    right.write("calc.py", liar + RIGHT.replace("return a + b", "return Liar(0)"))
    right.run("--lab-door", door, "--lab-criterion", "A1")
    assert "failed" == right.verdicts["A1"]
    assert "Liar" in right.message("A1")["got"]
