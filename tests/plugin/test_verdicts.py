"""Which verdict an answer gets, what its student reads, and how the run ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pytest_labkit.runs import limits
from tests.plugin.conftest import LAB_TOML, RIGHT, STUB, TinyLab


def test_untouched_stubs_are_todo(lab: TinyLab) -> None:
    """Untouched stubs are todo, without a traceback, and the next step is named."""
    result = lab.run()
    assert result.ret == 1
    assert lab.verdicts == {"A1": "todo", "A2": "todo", "A3": "todo"}
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines(["next: open labs/tiny/calc.py:3, then: pytest labs/tiny --lab-criterion A1"])


def test_right_answers_pass(right: TinyLab) -> None:
    """Right answers pass with all points and exit code 0."""
    result = right.run()
    assert result.ret == 0
    assert right.verdicts == {"A1": "passed", "A2": "passed", "A3": "passed"}
    assert right.report["passed"] is True
    assert right.report["status"] == "complete"
    assert right.report["points"] == {"earned": 6, "possible": 6}


@pytest.mark.parametrize(("door", "notes"), [("direct", 1), ("process", 0)])
def test_door_direct_is_no_proof(right: TinyLab, door: str, notes: int) -> None:
    """A report of door direct says in a sentence what it cannot promise; the terminal does not."""
    result = right.run("--lab-door", door, "--lab-criterion", "A1")
    assert notes == len(right.report["notes"])
    assert all("right for practice, no proof to others" in note for note in right.report["notes"])
    assert "proof" not in result.stdout.str()
    assert notes == (right.root / ".labkit/reports/tiny/report.html").read_text().count("no proof to others")


def test_wrong_answer_fails(right: TinyLab) -> None:
    """A wrong answer fails, and is told what was checked, expected and got, and where to look."""
    right.write("calc.py", RIGHT.replace("a + b", "a - b"))
    result = right.run()
    assert result.ret == 1
    assert right.verdicts["A1"] == "failed"
    assert right.message("A1") == {
        "checked": "Two numbers are added",
        "expected": "5",
        "got": "-1",
        "perhaps": "the operator is another one",
        "look_at": "labs/tiny/calc.py:2",
        "timeline": [],
        "promises": [],
    }


ODD_ERRORS = {
    "message is no text": """
class Odd(Exception):
    def __init__(self, message):
        super().__init__(f"cannot add: {message}")
        self.message = message
""",
    "str gives a number": """
class Odd(Exception):
    def __str__(self):
        return 402
""",
    "str raises": """
class Odd(Exception):
    def __str__(self):
        return self.nothing
""",
}


@pytest.mark.parametrize("door", ["direct", "process"])
@pytest.mark.parametrize("odd", ODD_ERRORS.values(), ids=ODD_ERRORS.keys())
def test_an_odd_exception_of_a_student_s_is_an_error(right: TinyLab, odd: str, door: str) -> None:
    """Whatever its class makes of itself, the criterion is an error, and the others keep their verdicts."""
    right.write("calc.py", odd + RIGHT.replace("return add(n, n)", "raise Odd(7)"))
    assert 1 == right.run("--lab-door", door).ret
    assert {"A1": "passed", "A2": "error", "A3": "passed"} == right.verdicts
    assert right.message("A2")["got"].startswith("Odd: ")


def test_a_failed_need_blocks(right: TinyLab) -> None:
    """A criterion that fails is blocked where one that it needs has failed."""
    right.write("calc.py", RIGHT.replace("a + b", "a - b"))
    right.run()
    assert right.verdicts["A2"] == "blocked"
    assert "A1 first" in right.message("A2")["expected"]


def test_a_need_does_not_block_what_passes(right: TinyLab) -> None:
    """A criterion that passes is passed, whatever became of one that it needs."""
    right.write("calc.py", RIGHT.replace("a + b", "a + b if b else 7"))
    right.run()
    assert {"A1": "failed", "A2": "passed"} == {id_: right.verdicts[id_] for id_ in ("A1", "A2")}


def test_exception_is_an_error_at_the_students_line(right: TinyLab) -> None:
    """An exception of the student's is an error at the student's line."""
    right.write("calc.py", RIGHT.replace("return add(n, n)", "return {}['x']"))
    right.run()
    assert right.verdicts["A2"] == "error"
    assert right.message("A2")["got"] == "KeyError: 'x'"
    assert right.message("A2")["look_at"] == "labs/tiny/calc.py:7"


@pytest.mark.parametrize("raised", ["pytest.skip('no')", "pytest.xfail('no')", "raise SystemExit(0)"])
def test_leaving_early_is_an_error(right: TinyLab, raised: str) -> None:
    """Student's code that skips, expects to fail or exits passes nothing."""
    right.write("calc.py", "import pytest\n" + RIGHT.replace("return add(n, n)", raised))
    result = right.run()
    assert result.ret == 1
    assert right.verdicts["A2"] == "error"


def test_half_done_is_todo(right: TinyLab) -> None:
    """What is still a stub is todo while the rest passes."""
    right.write("calc.py", RIGHT.replace("return add(n, n)", "raise NotImplementedError"))
    result = right.run()
    assert result.ret == 1
    assert right.verdicts == {"A1": "passed", "A2": "todo", "A3": "passed"}


@pytest.mark.parametrize("door", ["direct", "process"])
@pytest.mark.parametrize(
    ("text", "got", "look_at"),
    [
        ("def add(a, b)\n    return 1\n", "SyntaxError: expected ':'", "labs/tiny/calc.py:1"),
        (
            "import nothing_of_that_name\n",
            "ModuleNotFoundError: No module named 'nothing_of_that_name'",
            "labs/tiny/calc.py:1",
        ),
    ],
    ids=["syntax", "import"],
)
def test_file_that_does_not_load_is_an_error(
    lab: TinyLab, text: str, got: str, look_at: str, door: str
) -> None:
    """A file that cannot be loaded is an error of every criterion, at its line."""
    lab.write("calc.py", text)
    result = lab.run("--lab-door", door)
    assert result.ret == 1
    assert lab.verdicts["A1"] == "error"
    assert lab.message("A1")["got"].startswith(got)
    assert lab.message("A1")["look_at"] == look_at
    assert "Traceback" not in result.stdout.str()


def test_missing_file_is_an_error(lab: TinyLab) -> None:
    """A file that the student deleted is named."""
    (lab.folder / "calc.py").unlink()
    assert lab.run().ret == 1
    assert lab.verdicts["A1"] == "error"
    assert lab.message("A1")["got"] == "there is no file calc.py"


def test_hang_ends_at_the_time_limit(right: TinyLab) -> None:
    """A hang is ended at the criterion's time limit, and what comes after it runs."""
    right.write("calc.py", "import time\n" + RIGHT.replace("return add(n, n)", "time.sleep(60)"))
    result = right.run()
    assert result.ret == 1
    assert right.verdicts == {"A1": "passed", "A2": "error", "A3": "passed"}
    assert right.message("A2")["got"] == "did not end within 2 s: at calc.py:8 in double"


def test_hang_is_waited_for_once(right: TinyLab) -> None:
    """When one test of a criterion hangs, its other tests are not tried."""
    limited = LAB_TOML.replace('look_at = "calc.py:add"', 'look_at = "calc.py:add"\ntime_limit_s = 1')
    right.write("lab.toml", limited)
    waiting = "print('called', file=open('calls', 'a')); time.sleep(60)"
    right.write("calc.py", "import time\n" + RIGHT.replace("return a + b", waiting))
    result = right.run("--lab-criterion", "A1")
    assert right.verdicts["A1"] == "error"
    assert "lab failed" not in result.stdout.str()
    assert right.message("A1")["got"] == "did not end within 1 s: at calc.py:4 in add"
    assert (right.root / "calls").read_text() == "called\n"


def test_what_comes_after_a_hang_is_checked(right: TinyLab) -> None:
    """Where several tests are not tried because of a hang, the criteria after it are checked all the same."""
    limited = LAB_TOML.replace('look_at = "calc.py:add"', 'look_at = "calc.py:add"\ntime_limit_s = 1')
    right.write("lab.toml", limited)
    one = '@pytest.mark.criterion("A1")\n@pytest.mark.parametrize("n", range(3))\ndef test_one(answers, n):\n'
    other = '@pytest.mark.criterion("A2")\ndef test_other(answers):\n    assert answers.calc.Doubler()\n'
    right.write("test_calc.py", "import pytest\n\n" + one + "    answers.calc.add(1, n)\n")
    right.write("test_more.py", "import pytest\n\n" + other)
    right.write("calc.py", "import time\n" + RIGHT.replace("return a + b", "time.sleep(60)"))
    result = right.run_apart()
    assert {"A1": "error", "A2": "passed"} == {id_: right.verdicts[id_] for id_ in ("A1", "A2")}
    assert "KeyError" not in result.stdout.str()


def test_odd_value_that_breaks_the_test_fails(right: TinyLab) -> None:
    """A test that stumbles over what it was given fails the criterion; nobody blames the kit."""
    right.write("test_calc.py", right_tests("assert len(answers.calc.add(1, 1)) == 2"))
    result = right.run("--lab-criterion", "A1")
    assert result.ret == 1
    assert right.verdicts["A1"] == "failed"
    assert right.message("A1")["got"] == "TypeError: object of type 'int' has no len()"


def test_plain_assert_fails(right: TinyLab) -> None:
    """A plain assert of a lab's test is a failure with what it compared."""
    right.write("test_calc.py", right_tests("assert answers.calc.add(1, 1) == 3"))
    right.run("--lab-criterion", "A1")
    assert right.verdicts["A1"] == "failed"
    assert "assert 2 == 3" in right.message("A1")["got"]


def test_broken_kit_is_unknown(right: TinyLab) -> None:
    """When the kit breaks the verdict is unknown and the exit code 20."""
    right.write(
        "test_calc.py", right_tests("from pytest_labkit import KitError; raise KitError('out of luck')")
    )
    result = right.run("--lab-criterion", "A1")
    assert result.ret == 20
    assert right.report["status"] == "unknown"
    assert right.verdicts["A1"] == "unknown"
    assert "out of luck" in right.message("A1")["got"]


@pytest.mark.parametrize("decorator", ["@pytest.mark.skip", "@pytest.mark.xfail"])
def test_skipped_tests_pass_nothing(right: TinyLab, decorator: str) -> None:
    """A test that is skipped or expected to fail does not pass its criterion."""
    right.write(
        "test_calc.py", right_tests("assert 0").replace("@pytest.mark.c", f"{decorator}\n@pytest.mark.c")
    )
    assert right.run().ret != 0
    assert right.verdicts["A1"] != "passed"


def test_warnings_of_the_answers_fail_nothing(right: TinyLab) -> None:
    """A warning from a student's code is no failure, also where the project makes errors of its own."""
    right.pytester.makeini("[pytest]\nfilterwarnings = error\n")
    right.write(
        "calc.py", RIGHT.replace("return a + b", "import warnings; warnings.warn('old'); return a + b")
    )
    assert right.run().ret == 0


def test_lying_equality_does_not_pass(right: TinyLab) -> None:
    """A value whose == always agrees is not the value that was asked for."""
    liar = "class Liar(int):\n    def __eq__(self, other): return True\n    __hash__ = None\n"
    right.write("calc.py", liar + RIGHT.replace("return a + b", "return Liar(0)"))
    right.run()
    assert right.verdicts["A1"] == "failed"
    assert right.message("A1")["got"] == "0 (Liar)"


def right_tests(body: str) -> str:
    """A test file with one test of A1."""
    return (
        f'import pytest\n\n@pytest.mark.criterion("A1")\ndef test_one(answers):\n    """One."""\n    {body}\n'
    )


def test_stub_is_what_the_tests_say() -> None:
    """The stub names the criteria that its TODOs belong to."""
    assert "TODO A1" in STUB


COUNTEREXAMPLE = """
from pytest_labkit.checks import Finding
    from pytest_labkit.checks.history import Operation, Outcome
    calls = (Operation("w1", "append", {"n": 1}, 5.0, 5.004, Outcome.OK),
             Operation("w2", "append", {"n": 2}, 5.001, 5.005, Outcome.FAILED, error="Refused: no"))
    raise Finding("two winners", "one", "two", calls).mistake("a race")
"""


def test_counterexample_is_shown_and_kept(right: TinyLab) -> None:
    """The operations that show what is wrong are drawn in the terminal and listed in report.json."""
    right.write("test_calc.py", right_tests(COUNTEREXAMPLE.strip()))
    result = right.run("--lab-criterion", "A1")
    result.stdout.fnmatch_lines(
        [
            "      got       two",
            "      timeline      0 * 5 ms",
            "                w1  ├*┤ * append(1)  ok",
            "                w2   *├*✗  append(2)  failed: Refused: no",
        ]
    )
    assert right.message("A1")["timeline"] == [
        {"process": "w1", "call": "append(1)", "start_ms": 0.0, "end_ms": 4.0, "outcome": "ok", "said": "ok"},
        {
            "process": "w2",
            "call": "append(2)",
            "start_ms": 1.0,
            "end_ms": 5.0,
            "outcome": "failed",
            "said": "failed: Refused: no",
        },
    ]


def test_terminal_without_unicode(right: TinyLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the terminal knows ASCII only, marks are letters and nothing is spelt out in codes."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    result = right.run_apart()
    result.stdout.fnmatch_lines([" + passed   A1  adds*"])
    assert "\\u" not in result.stdout.str()
    assert "\\x" not in result.stdout.str()


def test_the_wait_for_another_timed_test_is_not_counted(
    right: TinyLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a criterion takes is what its own tests take."""

    @contextmanager
    def held_by_another(_: object) -> Iterator[None]:
        time.sleep(2.0)
        yield

    durations = []
    for alone in (limits.one_at_a_time, held_by_another):
        monkeypatch.setattr(limits, "one_at_a_time", alone)
        right.run("--lab-criterion", "A3")
        durations += [c["duration_s"] for c in right.report["criteria"] if c["id"] == "A3"]
    assert 1.0 > abs(durations[1] - durations[0])
