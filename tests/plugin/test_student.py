"""What a student meets: the first failure, what led to it, and what comes next."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.plugin.conftest import LAB_TOML, RIGHT, TESTS, TinyLab

CHALLENGE = """
[[challenges]]
id = "X1"
part = "A"
title = "adds what cannot be added"
points = 0
look_at = "calc.py:add"
"""
HEAD = "import pytest\nfrom pytest_labkit import expect\n"
TRIPLES = "\ndef triple(n):\n    return n\n"


def criterion(lab: TinyLab, id_: str) -> dict[str, Any]:
    """What the last report says of a criterion or challenge."""
    return next(c for c in (*lab.report["criteria"], *lab.report["challenges"]) if c["id"] == id_)


def check(criterion: str, body: str, name: str = "it") -> str:
    """A test of *criterion*."""
    head = f'\n@pytest.mark.criterion("{criterion}")\ndef test_{name}(answers):\n'
    return f'{head}    """Case {name}."""\n    {body}\n'


@pytest.fixture
def challenged(right: TinyLab) -> TinyLab:
    """The tiny lab, done, with a challenge that fails."""
    right.write("lab.toml", LAB_TOML + CHALLENGE)
    right.write("test_x1.py", HEAD + check("X1", "expect.equal(7, answers.calc.add(2, 3))"))
    return right


def test_a_failing_challenge_is_told_as_a_criterion_is(challenged: TinyLab) -> None:
    """On the terminal and in report.md: what was expected and got, and what to do about it."""
    result = challenged.run()
    assert 0 == result.ret
    result.stdout.fnmatch_lines(
        [
            " ✗ failed   X1  adds what cannot be added*",
            "*expected  7",
            "*got       5",
            "next: look at *calc.py:2*",
        ]
    )
    markdown = (challenged.root / ".labkit/reports/tiny/report.md").read_text("utf-8")
    assert "### ✗ X1 adds what cannot be added" in markdown


def test_a_challenge_alone_decides_the_exit_code(challenged: TinyLab) -> None:
    """Asked for alone, a challenge that fails is 1, as any criterion is."""
    assert 1 == challenged.run("--lab-criterion", "x1").ret


@pytest.mark.parametrize("order", ["as they stand", "turned round"])
def test_the_first_check_of_the_file_is_told(right: TinyLab, order: str) -> None:
    """An error behind a simpler failure does not hide it, whatever order the tests run in."""
    bodies = ["expect.equal(6, answers.calc.add(2, 3))", "answers.calc.add(1, None)", "pass"]
    right.write("test_calc.py", HEAD + "".join(check("A1", body, str(n)) for n, body in enumerate(bodies)))
    if order == "turned round":
        turned = "def pytest_collection_modifyitems(items): items.reverse()\n"
        (right.root / "conftest.py").write_text(turned)
    result = right.run("--lab-criterion", "A1", "--lab-all")
    assert ("failed", "Case 0") == (criterion(right, "A1")["verdict"], right.message("A1")["checked"])
    result.stdout.fnmatch_lines(["*checks    2 of 3 checks failed"])
    right.run("--lab-criterion", "A1")
    assert "Case 0" == right.message("A1")["checked"]


def test_what_was_left_out_is_counted(right: TinyLab) -> None:
    """Where the first failure decides, what is known is said."""
    bodies = ["pass", "expect.equal(6, answers.calc.add(2, 3))", "pass", "pass"]
    right.write("test_calc.py", HEAD + "".join(check("A1", body, str(n)) for n, body in enumerate(bodies)))
    result = right.run("--lab-criterion", "A1")
    result.stdout.fnmatch_lines(["*checks    1 failed, 1 passed, 2 not run"])
    assert {"passed": 1, "failed": 1, "not_run": 2} == criterion(right, "A1")["checks"]


def test_next_is_the_next_criterion_with_the_same_answers(right: TinyLab) -> None:
    """After one that passed, and as it is typed where the student stands."""
    right.answers("mine", "calc.py", RIGHT)
    first = right.run("--lab-criterion", "A1", "--lab-answers", "mine")
    first.stdout.fnmatch_lines(["next: pytest labs/tiny --lab-answers mine --lab-criterion A2"])
    second = right.pytester.run(
        *(sys.executable, "-c", "import os; os.chdir('labs/tiny'); import pytest; "
        "pytest.main(['.', '--lab-answers', '../../mine', '--lab-criterion', 'A2'])"),
    )  # fmt: skip
    second.stdout.fnmatch_lines(["next: pytest . --lab-answers ../../mine --lab-criterion A3"])


def test_earlier_verdicts_are_kept_while_the_answers_are_the_same(right: TinyLab) -> None:
    """They are shown as earlier and earn nothing; a change of the file ends them."""
    right.run("--lab-criterion", "A1")
    second = right.run("--lab-criterion", "A2")
    assert 22 == second.ret
    second.stdout.fnmatch_lines(["tiny*3 of 6 points, 5 with earlier runs*", " ✓ passed   A1: earlier"])
    first = criterion(right, "A1")
    assert ("unknown", 0, "passed") == (
        first["verdict"],
        first["points"]["earned"],
        first["earlier"]["verdict"],
    )
    right.write("notes.py", "NOTE = 1\n")  # another file of answers
    right.run("--lab-criterion", "A3")
    assert ["passed", "passed"] == [criterion(right, id_)["earlier"]["verdict"] for id_ in ("A1", "A2")]
    right.write("calc.py", RIGHT + "\n# changed\n")
    right.run("--lab-criterion", "A3")
    assert [None, None] == [criterion(right, id_)["earlier"] for id_ in ("A1", "A2")]


def test_look_at_leads_to_what_the_check_called(right: TinyLab) -> None:
    """Not to the one place that lab.toml names; through a helper as well."""
    right.write("calc.py", RIGHT + TRIPLES)
    helper = "\ndef same(wanted, got):\n    expect.equal(wanted, got)\n"
    right.write("test_calc.py", HEAD + helper + check("A1", "same(6, answers.calc.triple(2))"))
    right.run("--lab-criterion", "A1")
    assert "labs/tiny/calc.py:9" == right.message("A1")["look_at"]


@pytest.mark.parametrize("door", ["direct", "process"])
def test_what_a_failing_check_printed_is_shown(right: TinyLab, door: str) -> None:
    """At most 20 lines of it, the last ones."""
    right.write("calc.py", "def add(a, b):\n    for n in range(30): print('line', n)\n    return 7\n")
    result = right.run("--lab-criterion", "A1", "--lab-door", door)
    result.stdout.fnmatch_lines(["*captured output", "*line 29"])
    printed = right.message("A1")["printed"].splitlines()
    assert ("… 11 lines before", "line 11", 20) == (printed[0], printed[1], len(printed))


def test_a_passing_check_shows_nothing_printed(right: TinyLab) -> None:
    """Only what belongs to a failure is read."""
    right.write("calc.py", RIGHT + "\nprint('loaded')\n")
    assert "captured output" not in right.run().stdout.str()


def test_pytest_s_last_line_counts_what_the_report_counts(right: TinyLab) -> None:
    """Criteria: tests beside them were a second figure."""
    result = right.run()
    result.stdout.fnmatch_lines(["tiny  A tiny lab   3 passed*", "3 passed in *"])


def test_on_a_terminal_one_sees_what_is_at_work(right: TinyLab) -> None:
    """Which criterion, which of its checks, how many are left; gone at the end."""
    shown = on_a_terminal(right)
    assert re.search(r"A1  [━─]{20}  check 2 of 2 · criterion 1 of 3, 2 left", shown)
    assert re.search(r"A3  [━─]{20}  check 1 of 1 · criterion 3 of 3, 0 left", shown)
    assert "[100%]" not in shown


def test_with_no_color_letters_stay(right: TinyLab) -> None:
    """As everywhere but on a terminal."""
    shown = on_a_terminal(right, NO_COLOR="1")
    assert "━" not in shown
    assert "...." in shown


def on_a_terminal(lab: TinyLab, **environ: str) -> str:
    """What a run prints to a terminal."""
    main, terminal = pty.openpty()
    left_out = ("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "CI", "PYTEST_ADDOPTS")
    env = {name: value for name, value in os.environ.items() if name not in left_out}
    command = [sys.executable, "-m", "pytest", "labs/tiny", "-p", "no:cacheprovider"]
    ran = {"cwd": lab.root, "env": {**env, "TERM": "xterm", "COLUMNS": "100", **environ}}
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, **ran)  # type: ignore[call-overload]
    os.close(terminal)
    read = b""
    try:
        while piece := os.read(main, 4096):
            read += piece
    except OSError:  # nobody has the terminal open any more
        pass
    assert 0 == process.wait(60)
    os.close(main)
    return read.decode("utf-8")


def test_a_missed_target_names_the_reference(right: TinyLab) -> None:
    """In figures that people read, on the terminal and in the message."""
    right.write("lab.toml", LAB_TOML.replace(">= 100 sums", ">= 100000000000 sums"))
    slow = TESTS.replace('unit="sums/s")', 'unit="sums/s", reference=lambda: 10**12)')
    right.write("test_calc.py", slow)
    result = right.run("--lab-criterion", "A3")
    got = right.message("A3")["got"]
    assert re.fullmatch(r"[\d,]+ sums/s; the reference [\d.,e+]+ sums/s.*", got)
    result.stdout.fnmatch_lines(["*missed; the reference*"])
