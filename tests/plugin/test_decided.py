"""A verdict as soon as it is known: the first test that does not pass decides its criterion."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugin.conftest import RIGHT, STUB, TinyLab

# What a test of A1 does for its outcome; `kit` is a fault of the kit's own.
BODIES = {
    "passed": "expect.equal(5, answers.calc.add(2, 3))",
    "failed": "expect.equal(6, answers.calc.add(2, 3))",
    "error": "answers.calc.breaks()",
    "todo": "answers.calc.begins()",
    "unknown": "raise KitError('out of luck')",
}
ANSWERS = f"""{RIGHT}
def breaks():
    return {{}}["x"]

def begins():
    raise NotImplementedError
"""
FIXTURE = "@pytest.fixture(scope='module')\ndef place():\n"
HEAD = "import pytest\nfrom pytest_labkit import KitError, expect\n"


def cases(criterion: str, *outcomes: str) -> str:
    """Tests of *criterion* that end with *outcomes*, in this order; each says that it runs."""
    return "".join(
        f'\n@pytest.mark.criterion("{criterion}")\ndef test_{criterion}_{n}(answers):\n    """Case {n}."""\n'
        f'    with open("ran", "a") as file: print("{criterion}_{n}", file=file)\n    {BODIES[outcome]}\n'
        for n, outcome in enumerate(outcomes)
    )


@pytest.fixture
def mixed(lab: TinyLab) -> TinyLab:
    """The tiny lab, whose answers end each test as it wants it."""
    lab.write("calc.py", ANSWERS)
    return lab


def ran(lab: TinyLab) -> list[str]:
    """The tests that have run since the last question."""
    file = lab.root / "ran"
    names = file.read_text().split()
    file.unlink()
    return names


def criterion(lab: TinyLab, id_: str = "A1") -> dict[str, Any]:
    """What the report of the last run says of a criterion."""
    return next(c for c in lab.report["criteria"] if c["id"] == id_)


@pytest.mark.parametrize("later", ["passed", "failed", "error", "todo", "unknown"])
@pytest.mark.parametrize("first", ["failed", "error", "todo", "unknown"])
def test_the_verdict_is_the_same_in_both_modes(mixed: TinyLab, first: str, later: str) -> None:
    """The first test that does not pass is the verdict, whether or not the tests after it have run."""
    mixed.write("test_calc.py", HEAD + cases("A1", "passed", first, later))
    code = mixed.run("--lab-criterion", "A1").ret
    decided = criterion(mixed)
    assert ["A1_0", "A1_1"] == ran(mixed)
    assert code == mixed.run("--lab-criterion", "A1", "--lab-all").ret
    everything = criterion(mixed)
    assert ["A1_0", "A1_1", "A1_2"] == ran(mixed)
    assert first == decided["verdict"] == everything["verdict"]
    assert decided["message"] == everything["message"]
    assert (["test_calc.py::test_A1_2"], []) == (decided["not_run"], everything["not_run"])


def test_a_passed_criterion_has_run_all_of_its_tests(right: TinyLab) -> None:
    """Nothing is left out, and the report says so."""
    assert 0 == right.run().ret
    assert [[], [], []] == [c["not_run"] for c in right.report["criteria"]]


def test_other_criteria_are_checked_all_the_same(mixed: TinyLab) -> None:
    """A criterion is decided for itself alone; the run is complete."""
    mixed.write(
        "test_calc.py",
        HEAD + cases("A1", "failed", "passed") + cases("A2", "passed") + cases("A3", "todo", "todo"),
    )
    result = mixed.run()
    assert ["A1_0", "A2_0", "A3_0"] == ran(mixed)
    assert {"A1": "failed", "A2": "passed", "A3": "todo"} == mixed.verdicts
    assert ("complete", 1) == (mixed.report["status"], result.ret)
    result.stdout.fnmatch_lines(["F.t *100%]", "1 passed, 1 failed, 1 todo in *"])


def test_cases_of_one_test_are_decided_as_well(mixed: TinyLab) -> None:
    """Where a test has several cases, the first that does not pass leaves the others out."""
    one = '@pytest.mark.criterion("A1")\n@pytest.mark.parametrize("n", range(4))\ndef test_n(answers, n):\n'
    mixed.write("test_calc.py", HEAD + one + "    expect.equal(5, answers.calc.add(n, 5 if n == 0 else 3))\n")
    mixed.run("--lab-criterion", "A1")
    assert "failed" == criterion(mixed)["verdict"]
    assert ["test_calc.py::test_n[2]", "test_calc.py::test_n[3]"] == criterion(mixed)["not_run"]


def test_fixtures_of_a_file_end_when_its_last_tests_are_left_out(mixed: TinyLab) -> None:
    """The next file's tests do not find what was made for those of the file before."""
    fixture = FIXTURE + "    yield 1\n    print('gone', file=open('ran', 'a'))\n"
    tests = cases("A1", "failed", "passed").replace("(answers)", "(answers, place)")
    mixed.write("test_calc.py", HEAD + fixture + tests)
    mixed.write("test_more.py", HEAD + cases("A2", "passed"))
    result = mixed.run()
    assert ["A1_0", "gone", "A2_0"] == ran(mixed)
    assert "passed" == mixed.verdicts["A2"]
    assert "INTERNALERROR" not in result.stdout.str()


def test_a_fixture_that_ends_badly_is_told(mixed: TinyLab) -> None:
    """Also where the test that it ends with was left out; the verdict of the criterion is as it was."""
    fixture = FIXTURE + "    yield 1\n    raise RuntimeError('cannot end')\n"
    tests = cases("A1", "failed", "passed").replace("(answers)", "(answers, place)")
    mixed.write("test_calc.py", HEAD + fixture + tests)
    mixed.write("test_more.py", HEAD + cases("A2", "passed"))
    result = mixed.run("--tb=short")
    result.stdout.fnmatch_lines(["*RuntimeError: cannot end*"])
    assert {"A1": "failed", "A2": "passed"} == {id_: mixed.verdicts[id_] for id_ in ("A1", "A2")}


def test_an_interrupt_in_a_fixture_s_end_ends_the_run(mixed: TinyLab) -> None:
    """Ctrl-C while the fixtures of a test that was left out end is Ctrl-C."""
    fixture = FIXTURE + "    yield 1\n    raise KeyboardInterrupt\n"
    tests = cases("A1", "failed", "passed").replace("(answers)", "(answers, place)")
    mixed.write("test_calc.py", HEAD + fixture + tests)
    mixed.write("test_more.py", HEAD + cases("A2", "passed"))
    assert 2 == mixed.run_apart().ret
    assert ["A1_0"] == ran(mixed)
    assert "incomplete" == mixed.report["status"]


def test_workers_decide_for_themselves_and_agree(mixed: TinyLab) -> None:
    """With pytest-xdist the first by the order of the file is the verdict, and what was left out is told."""
    mixed.write("test_calc.py", HEAD + cases("A1", "passed", "todo", *["failed"] * 10))
    result = mixed.run_apart("--lab-criterion", "A1", "-n", "2")
    found, names = criterion(mixed), ran(mixed)
    assert 1 == result.ret
    assert "todo" == found["verdict"]
    assert 2 <= len(names) <= 4
    left_out = [test.rpartition("test_")[2] for test in found["not_run"]]
    assert {f"A1_{n}" for n in range(12)} == {*names, *left_out}
    assert 12 == len(names) + len(left_out)


def test_with_exitfirst_the_run_ends_at_once(mixed: TinyLab) -> None:
    """What the option leaves out was not left out by the verdict."""
    mixed.write("test_calc.py", HEAD + cases("A1", "failed", "passed") + cases("A2", "passed"))
    mixed.run("-x")
    assert ["A1_0"] == ran(mixed)
    assert ([], "unknown") == (criterion(mixed)["not_run"], mixed.verdicts["A2"])


def test_a_hang_is_waited_for_once_with_lab_all_too(mixed: TinyLab) -> None:
    """A test after one that hung would wait as long: it is not run, in either mode."""
    mixed.write("calc.py", "import time\n" + RIGHT.replace("return add(n, n)", "time.sleep(60)"))
    one = '@pytest.mark.criterion("A2")\n@pytest.mark.parametrize("n", range(2))\ndef test_one(answers, n):\n'
    mixed.write("test_calc.py", HEAD + one + "    answers.calc.Doubler().double(n)\n")
    mixed.run("--lab-criterion", "A2")
    assert ("error", ["test_calc.py::test_one[1]"]) == (
        mixed.verdicts["A2"],
        criterion(mixed, "A2")["not_run"],
    )
    result = mixed.run("--lab-criterion", "A2", "--lab-all")
    assert ("error", ["test_calc.py::test_one[1]"]) == (
        mixed.verdicts["A2"],
        criterion(mixed, "A2")["not_run"],
    )
    result.stdout.fnmatch_lines(["*1 error* in *"])


def test_untouched_stubs_say_todo_once_for_each_criterion(lab: TinyLab) -> None:
    """A count of all tests that wait would tell a student nothing."""
    lab.write("calc.py", STUB)
    result = lab.run()
    assert {"A1": "todo", "A2": "todo", "A3": "todo"} == lab.verdicts
    result.stdout.fnmatch_lines(["3 todo in *"])
