"""What can be asked for on the command line, and what is said to a request that makes no sense."""

from __future__ import annotations

import hashlib
import json

import pytest

from pytest_labkit.host import settings
from tests.plugin.conftest import LAB_TOML, RIGHT, STUB, TESTS, TinyLab


def test_one_criterion_that_passes_is_incomplete(right: TinyLab) -> None:
    """A run of one criterion says that the others were not selected, and ends in 22."""
    result = right.run("--lab-criterion", "A1")
    assert result.ret == 22
    assert right.verdicts == {"A1": "passed", "A2": "unknown", "A3": "unknown"}
    assert right.message("A2")["got"] == "not selected"
    assert right.report["status"] == "incomplete"
    assert right.report["passed"] is False
    assert right.report["points"] == {"earned": 2, "possible": 6}


def test_one_criterion_that_fails_is_not_yet(lab: TinyLab) -> None:
    """A run of one criterion that does not pass ends in 1."""
    assert lab.run("--lab-criterion", "A1").ret == 1


def test_unknown_criterion_is_refused(lab: TinyLab) -> None:
    """A criterion that does not exist is a usage error that names those that do."""
    result = lab.run("--lab-criterion", "A9")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--lab-criterion A9: there is no such criterion. Known: A1, A2, A3."])


def test_tests_left_out_pass_nothing(right: TinyLab) -> None:
    """A criterion with a test left out has not run, and the run is incomplete."""
    result = right.run("-k", "not nothing")
    assert result.ret == 22
    assert right.verdicts == {"A1": "unknown", "A2": "passed", "A3": "passed"}
    assert right.message("A1")["got"] == "1 of its tests did not run"


def test_one_test_by_its_name_passes_nothing(right: TinyLab) -> None:
    """One test named on the command line does not pass a criterion that has two."""
    assert right.run(path="labs/tiny/test_calc.py::test_add").ret == 22
    assert right.verdicts["A1"] == "unknown"


def test_timed_tests_can_be_left_out(right: TinyLab) -> None:
    """With -m 'not timed' what measures speed does not run."""
    assert right.run("-m", "not timed").ret == 22
    assert right.verdicts == {"A1": "passed", "A2": "passed", "A3": "unknown"}


def test_answers_lie_over_the_labs_files(lab: TinyLab) -> None:
    """The first folder of answers that has a file wins, and the report says which file that was."""
    text = lab.answers("mine/tiny", "calc.py", RIGHT)
    lab.answers("other", "calc.py", STUB)
    assert lab.run("--lab-answers", "mine", "--lab-answers", "other").ret == 0
    digest = hashlib.sha256(text.read_bytes()).hexdigest()
    (answer,) = lab.report["answers"]
    assert ("calc.py", digest) == (answer["path"], answer["sha256"])


def test_look_at_names_the_file_of_the_student(lab: TinyLab) -> None:
    """A student is sent to the file in the folder of answers, not to a copy."""
    lab.answers("mine", "calc.py", RIGHT.replace("a + b", "1 / 0"))
    lab.run("--lab-answers", "mine")
    assert lab.message("A1")["look_at"] == "mine/calc.py:3"


def test_other_files_among_the_answers_are_ignored(lab: TinyLab) -> None:
    """A conftest.py, pytest.ini or boto3.py among the answers is not used, and is named."""
    lab.answers("mine", "calc.py", STUB)
    lab.answers("mine", "conftest.py", "raise SystemExit('used')")
    lab.answers("mine", "pytest.ini", "[pytest]\naddopts = --collect-only\n")
    lab.answers("mine", "boto3.py", "raise SystemExit('used')")
    lab.answers("mine", "test_calc.py", TESTS)
    assert lab.run("--lab-answers", "mine").ret == 1
    assert lab.report["ignored"] == ["boto3.py", "conftest.py", "pytest.ini"]


def test_solution_means_the_folder_of_solutions(lab: TinyLab) -> None:
    """--lab-solution checks the model answers."""
    lab.answers("solutions/tiny", "calc.py", RIGHT)
    assert lab.run("--lab-solution").ret == 0


def test_missing_folder_of_answers_is_refused(lab: TinyLab) -> None:
    """A folder of answers that is not there is a usage error in a sentence."""
    result = lab.run("--lab-answers", "nowhere")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*There is no folder of answers at *nowhere.", "*with --lab-answers."])
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (
            LAB_TOML.replace("points = 2", "point = 2"),
            "labs/tiny/lab.toml: the key 'point' in criteria[[]0[]] is not known. Did you mean 'points'?",
        ),
        (LAB_TOML.replace('title = "A tiny lab"', ""), "labs/tiny/lab.toml: the key 'title' is missing."),
        (
            LAB_TOML.replace("points = 2", 'points = "2"'),
            "labs/tiny/lab.toml: the key 'points' in criteria[[]0[]] is wrong: *",
        ),
        (LAB_TOML.replace('["A1"]', '["A7"]'), "labs/tiny/lab.toml: criterion A2 needs 'A7', not known.*"),
        (LAB_TOML + "\n[[", "labs/tiny/lab.toml is not valid TOML: *"),
        (LAB_TOML.replace("speed >= 100 sums/s", "fast"), "labs/tiny/lab.toml: *a target reads like*"),
    ],
    ids=["unknown", "missing", "type", "reference", "toml", "target"],
)
def test_broken_lab_toml_is_told(lab: TinyLab, broken: str, told: str) -> None:
    """A mistake in lab.toml is a usage error that names file, place and what would be right."""
    lab.write("lab.toml", broken)
    result = lab.run()
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*{told}"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_unknown_backend_is_refused(lab: TinyLab) -> None:
    """A backend that does not exist is refused with those that do."""
    result = lab.run("--lab-backend", "podman")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*invalid choice: 'podman'*"])


def test_unknown_backend_in_the_environment_is_refused(lab: TinyLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong value in the environment is told by the variable's name."""
    monkeypatch.setenv("LABKIT_BACKEND", "podman")
    result = lab.run()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*the environment variable LABKIT_BACKEND is 'podman'."])


def test_external_service_without_address_is_refused(right: TinyLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the address of an external service nothing is run, and the variable is named."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    right.write("test_calc.py", TESTS.replace("def test_add(answers)", "def test_add(answers, redis)"))
    result = right.run("--lab-backend", "external")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*the environment variable REDIS_URL is not set.", "Say where redis runs*"])


def test_service_that_cannot_be_had_is_asked_for_once(
    right: TinyLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline and with an empty cache, the run says what is missing and what to do, and ends in 20."""
    monkeypatch.setenv("LABKIT_OFFLINE", "1")
    monkeypatch.setenv("LABKIT_CACHE", str(right.root / "empty"))
    right.write("test_calc.py", TESTS.replace("(answers", "(answers, dynamodb"))
    result = right.run("--lab-backend", "local", "-m", "not timed")
    assert result.ret == 20
    assert right.verdicts == {"A1": "unknown", "A2": "unknown", "A3": "unknown"}
    note, _of_the_door = right.report["notes"]
    assert "LABKIT_OFFLINE is set.\nUnset LABKIT_OFFLINE and run once with a network" in note
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_missing_lab_is_told(lab: TinyLab) -> None:
    """A lab that is not there is pytest's own usage error."""
    assert lab.run(path="labs/lab9").ret == 4


def test_report_folder_that_cannot_be_written(right: TinyLab) -> None:
    """When the report cannot be written the run says so, shows its result all the same, and ends in 20."""
    (right.root / "taken").write_text("a file")
    result = right.run("--lab-report", "taken")
    assert result.ret == 20
    result.stdout.fnmatch_lines(["*A tiny lab*3 passed*", "*taken*"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_report_goes_where_it_is_asked_to(right: TinyLab) -> None:
    """--lab-report names the folder that the lab's folder of reports is made in."""
    right.run("--lab-report", "out")
    names = {path.name for path in (right.root / "out" / "tiny").iterdir()}
    assert names == {"report.json", "report.html", "report.md", "junit.xml"}


def test_tb_gives_pytests_own_traceback(right: TinyLab) -> None:
    """With --tb the student gets pytest's traceback."""
    right.write("calc.py", RIGHT.replace("return a + b", "return 1 / 0"))
    result = right.run("--tb=long")
    result.stdout.fnmatch_lines(["*return 1 / 0", "E*ZeroDivisionError*"])


@pytest.mark.parametrize("door", ["direct", "process"])
@pytest.mark.parametrize(
    "text", [RIGHT, STUB, RIGHT.replace("a + b", "a - b"), RIGHT.replace("a + b", "a + c")]
)
def test_doors_agree(lab: TinyLab, text: str, door: str) -> None:
    """Both doors give the same verdicts."""
    lab.write("calc.py", text)
    lab.run("--lab-door", door, "-m", "not timed")
    expected = {
        RIGHT: ("passed", "passed"),
        STUB: ("todo", "todo"),
        RIGHT.replace("a + b", "a - b"): ("failed", "blocked"),
        RIGHT.replace("a + b", "a + c"): ("error", "blocked"),
    }[text]
    assert expected == (lab.verdicts["A1"], lab.verdicts["A2"])
    assert lab.report["door"] == door


def test_xdist_gives_the_same_report(right: TinyLab) -> None:
    """Under pytest -n 2 the verdicts are the same, and there is one report."""
    assert right.run_apart("-n", "2").ret == 0
    assert right.verdicts == {"A1": "passed", "A2": "passed", "A3": "passed"}


def test_measurement_is_in_the_report(right: TinyLab) -> None:
    """A rate is in the report with its unit, rounds and target."""
    right.run("--lab-criterion", "A3")
    (measured,) = right.report["criteria"][2]["measurements"]
    assert measured["name"] == "speed"
    assert measured["unit"] == "sums/s"
    assert measured["target"] == ">= 100"
    assert measured["met"] is True
    assert len(measured["rounds"]) == 3


@pytest.mark.parametrize("sign", ["+", "-"], ids=["passed", "failed"])
def test_a_chronicle_is_in_the_report(sign: str, right: TinyLab) -> None:
    """What a test shows of what it saw is in the report, whatever its verdict."""
    right.write("calc.py", RIGHT.replace("a + b", f"a {sign} b"))
    right.run("--lab-criterion", "A2")
    span = {"lane": "sums", "label": "2 + 2", "start": "2025-01-01T00:00:00Z", "end": None}
    assert [{"title": "Doubles", "spans": [span]}] == right.report["criteria"][1]["chronicles"]


def test_missed_target_fails(right: TinyLab) -> None:
    """A target that is missed fails the criterion with the figure and the target."""
    right.write("lab.toml", LAB_TOML.replace(">= 100 sums", ">= 1e12 sums".replace("1e12", "1000000000000")))
    assert right.run("--lab-criterion", "A3").ret == 1
    assert right.verdicts["A3"] == "failed"
    assert right.message("A3")["expected"] == ">= 1,000,000,000,000 sums/s"


def test_rates_are_in_the_json_of_pytest_benchmark(right: TinyLab) -> None:
    """A student's rates are in --benchmark-json, with the rounds in extra_info."""
    right.run("--lab-criterion", "A3", "--benchmark-json=b.json")
    (benchmark,) = json.loads((right.root / "b.json").read_text())["benchmarks"]
    assert 3 == benchmark["stats"]["rounds"]
    assert "sums/s" == benchmark["extra_info"]["speed"]["unit"]


def test_every_option_teaches(pytester: pytest.Pytester) -> None:
    """--help names every option of the table."""
    shown = pytester.runpytest_subprocess("--help").stdout.str()
    assert [option.flag for option in settings.OPTIONS if option.flag not in shown] == []


def test_settings_of_pytest_among_the_answers_are_refused(
    right: TinyLab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A pytest.ini among the answers decides nothing, also where their folder is named before the lab."""
    theirs = tmp_path_factory.mktemp("theirs")
    (theirs / "calc.py").write_text(RIGHT)
    (theirs / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")
    result = right.pytester.runpytest_subprocess("--lab-answers", theirs, "labs/tiny", timeout=60)
    assert 4 == result.ret
    result.stderr.fnmatch_lines(["*which is among the answers.", "*Name the lab first: pytest labs/lab3*"])
    assert 0 == right.run_apart("--lab-answers", str(theirs)).ret
