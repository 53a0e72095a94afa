"""The runs of `labkit check-labs`, on a small lab that is sound, and broken in every way that a run shows."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from pytest_labkit.cli import labkit
from pytest_labkit.cli.check_labs.plan import Proof, Trial, chosen
from pytest_labkit.cli.check_labs.trials import Result, carry_out
from pytest_labkit.course import manifest
from tests.plugin.authors import RIGHT, AuthorsLab
from tests.plugin.test_killed import POLITE, eventually

ARGUMENTS = ["check-labs", "--backend", "local"]
MUTANTS = "solutions/tiny/mutants/A1.toml"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AuthorsLab:
    """A sound lab, whose project is the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return AuthorsLab(tmp_path)


def pytest_in(root: Path) -> Callable[[Sequence[str], Path], int]:
    """Runs of a pytest of their own in *root*."""

    def run(arguments: Sequence[str], output: Path) -> int:
        with output.open("wb") as printed:
            command = [sys.executable, "-m", "pytest", *arguments]
            return subprocess.run(command, cwd=root, stdout=printed, stderr=printed, timeout=120).returncode

    return run


def tried(lab: AuthorsLab, name: str, *, fast: bool = False) -> Result:
    """How the trial of that name ends."""
    found = manifest.read(lab.root / "labs" / "tiny", lab.root)
    trials: dict[str, Trial] = {trial.name: trial for trial in Proof(found, lab.root, fast).trials}
    return carry_out(trials[name], lab.root, lab.root / "runs" / name, pytest_in(lab.root))


def test_sound_lab_is_proven(lab: AuthorsLab, capsys: pytest.CaptureFixture[str]) -> None:
    """Each run is told as it ends, then a table of what was proven, and the exit code is 0."""
    assert 0 == labkit._exit_code(ARGUMENTS)
    shown = capsys.readouterr().out.splitlines()
    assert ["A1_minus", "A2_thrice", "shifts", "solution", "stubs"] == sorted(
        line.split()[3] for line in shown if line.startswith("✓") and "/5" in line
    )
    assert [
        "tiny: A tiny lab",
        "criterion  tests  stubs  solution  bugs caught",
        "A1             2  todo   passed            1/1",
        "A2             1  todo   passed            1/1",
        "",
        "✓ tiny: proven",
    ] == shown[-6:]


def test_fast_leaves_out_designs_that_no_mutant_is_made_of(lab: AuthorsLab) -> None:
    """They are tried without --fast, and by --only."""
    lab.write("solutions/tiny/designs/twin/calc.py", RIGHT)
    lab.write(
        "solutions/tiny/designs/twin/design.toml",
        'description = "As the model answer has it."\nparts = ["A"]',
    )
    found = manifest.read(lab.root / "labs" / "tiny", lab.root)
    for fast, only, names in ((True, None, []), (False, None, ["twin"]), (True, "twin", ["twin"])):
        ((_, trials),) = chosen([Proof(found, lab.root, fast)], only)
        assert names == [trial.name for trial in trials if trial.name == "twin"]


def test_fast_leaves_out_what_is_timed(lab: AuthorsLab, capsys: pytest.CaptureFixture[str]) -> None:
    """With --fast the model answer is not held to targets, and mutants are still caught by their tests."""
    lab.change("labs/tiny/lab.toml", ">= 1 sums/s", ">= 100 sums/s")
    lab.change("labs/tiny/README.md", ">= 1 sums/s", ">= 100 sums/s")
    assert 0 == labkit._exit_code([*ARGUMENTS, "tiny", "--fast", "-j", "1"])
    shown = capsys.readouterr().out
    assert "A2             1  todo   -                 1/1\n" in shown


def test_complaints_end_in_one(lab: AuthorsLab, capsys: pytest.CaptureFixture[str]) -> None:
    """A complaint is said below the table, which shows where it belongs, and the exit code is 1."""
    lab.change("solutions/tiny/calc.py", "a + b", "a + b - 6")
    lab.change("solutions/tiny/calc.py", "add(n, n)", "2 * n")
    assert 1 == labkit._exit_code(ARGUMENTS)
    shown = capsys.readouterr().out
    assert "A1             2  todo   no                1/1\n" in shown
    assert "✗ tiny: model answers: A1 is failed, not passed (-1): mend solutions/tiny" in shown


def test_nothing_is_run_while_files_do_not_fit(lab: AuthorsLab, capsys: pytest.CaptureFixture[str]) -> None:
    """What can be read in the files is said first, in a moment."""
    lab.change("labs/tiny/calc.py", "TODO ", "")
    assert 1 == labkit._exit_code(ARGUMENTS)
    assert "✗ tiny: the stub calc.py has no TODO\n" == capsys.readouterr().out


def test_static_runs_nothing(lab: AuthorsLab, capsys: pytest.CaptureFixture[str]) -> None:
    """With --static no run is made, even if one would fail."""
    lab.change("solutions/tiny/calc.py", "a + b", "a + b - 6")
    assert 0 == labkit._exit_code(["check-labs", "--static"])
    assert "✓ tiny: nothing is missing\n" == capsys.readouterr().out


def test_only_runs_one(lab: AuthorsLab, capsys: pytest.CaptureFixture[str]) -> None:
    """With --only a mutant, a design, `stubs` or `solution` is tried alone, and no table is shown."""
    assert 0 == labkit._exit_code([*ARGUMENTS, "--only", "A2_thrice"])
    first, last = (line for line in capsys.readouterr().out.splitlines() if line)
    assert first.startswith("✓ 1/1 tiny A2_thrice (")
    assert "✓ A2_thrice: proven" == last


@pytest.mark.parametrize("option", ["--only", "--show"])
def test_what_is_not_there_cannot_be_chosen(
    option: str, lab: AuthorsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped id is answered with the one that was meant."""
    assert 4 == labkit._exit_code([*ARGUMENTS, option, "A2_trice"])
    assert "'A2_trice'" in (said := capsys.readouterr().err)
    assert "Did you mean A2_thrice?" in said


def test_show_prints_the_difference(lab: AuthorsLab, capsys: pytest.CaptureFixture[str]) -> None:
    """With --show: where the mutant is, why it is wrong, and a unified diff from its base."""
    assert 0 == labkit._exit_code(["check-labs", "tiny", "--show", "A2_thrice"])
    assert [
        "solutions/tiny/mutants/A2.toml:2: the shift is not all that is done to the number",
        "--- shifts/calc.py",
        "+++ A2_thrice/calc.py",
        "@@ -4,4 +4,4 @@",
        " add = operator.add",
        " ",
        " def double(n):",
        "-    return n << 1",
        "+    return n + (n << 1)",
    ] == capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)], ids=str)
def test_the_difference_has_colours(lab: AuthorsLab, environ: dict[str, str], coloured: bool) -> None:
    """On a terminal, unless NO_COLOR is set."""
    arguments = ["check-labs", "--show", "A2_thrice"]
    shown = CliRunner(env=environ).invoke(labkit.cli, arguments, color=True).output
    assert coloured is ("\x1b[32m+    return n + (n << 1)\x1b[0m" in shown)


def test_design_that_does_not_pass(lab: AuthorsLab) -> None:
    """A design that fails a criterion of its parts is named, with what it gave."""
    lab.change("solutions/tiny/designs/shifts/calc.py", "n << 1", "n << 1 << 1")
    assert (
        "tiny: designs/shifts: A2 is failed, not passed (8): a right design has to pass: mend it, or the "
        "test if it asks for more than the README",
    ) == tried(lab, "shifts").complaints


def test_stub_that_is_not_todo(lab: AuthorsLab) -> None:
    """A stub that does something is named, and what to write instead."""
    lab.change(
        "labs/tiny/calc.py", 'raise NotImplementedError("TODO A1: the sum of a and b")', "pass  # TODO"
    )
    assert (
        "tiny: untouched stubs: A1 is failed, not todo (None (NoneType)): let what it calls first raise "
        'NotImplementedError("TODO A1: …") in calc.py:add',
    ) == tried(lab, "stubs").complaints


def test_solution_that_does_not_pass(lab: AuthorsLab) -> None:
    """A model answer that fails is named, with what it gave."""
    lab.change("solutions/tiny/calc.py", "a + b", "a + b + 1")
    first = tried(lab, "solution").complaints[0]
    assert first == (
        "tiny: model answers: A1 is failed, not passed (6): mend solutions/tiny, or the test if it asks for "
        "more than the README says"
    )


@pytest.mark.parametrize("fast", [False, True], ids=["whole", "fast"])
def test_mutant_that_is_not_caught(lab: AuthorsLab, fast: bool) -> None:
    """A mutant that passes its test is named, and its test."""
    lab.change(MUTANTS, "a - b", "b + a")
    others = "no other was run" if fast else "no other did"
    assert (
        "tiny: mutants/A1.toml: A1_minus: test_calc.py::test_add, which its caught_by names, does not fail "
        f"on it, {others}: name the test that shows it, write it, or sharpen this one",
    ) == tried(lab, "A1_minus", fast=fast).complaints


def test_mutant_that_another_test_catches(lab: AuthorsLab) -> None:
    """A mutant that is caught, but not by the test that its author names, is not caught for its reason."""
    lab.change(MUTANTS, "test_add", "test_add_nothing")
    assert (
        "tiny: mutants/A1.toml: A1_minus: test_calc.py::test_add_nothing, which its caught_by names, does "
        "not fail on it, test_calc.py::test_add did: name the test that shows it, write it, or sharpen this "
        "one",
    ) == tried(lab, "A1_minus").complaints


def test_mutant_that_breaks_more_than_it_says(lab: AuthorsLab) -> None:
    """Another criterion that fails is named; where the mutant says so, that is in order."""
    lab.change("labs/tiny/lab.toml", 'targets = ["speed >= 1 sums/s"]\n', "")
    lab.change(MUTANTS, 'also_fails = ["A2"]\nalso_why = "a double is made by the same sum"\n', "")
    assert (
        "tiny: mutants/A1.toml: A1_minus: A2 is failed, not passed (0): narrow it, or name the criterion in "
        'mutants/A1.toml: also_fails = ["…"]',
    ) == tried(lab, "A1_minus").complaints


def test_mutant_that_fails_nothing_of_its_criterion(lab: AuthorsLab) -> None:
    """A criterion that passes although its test failed under another name is no proof."""
    lab.change("labs/tiny/test_calc.py", '@pytest.mark.criterion("A1")\ndef test_add(', "def test_add(")
    (complaint,) = tried(lab, "A1_minus").complaints
    assert "A1 is passed, not error or failed: write a test of A1 that shows it (the operator is" in complaint


def test_run_that_proves_nothing(lab: AuthorsLab, capsys: pytest.CaptureFixture[str]) -> None:
    """A run in which the kit broke is no proof: it is told with the end of its output, and ends in 20."""
    lab.change("labs/tiny/test_calc.py", "answers.calc.double(2)", "nothing")
    lab.change(
        "labs/tiny/test_calc.py",
        "    expect.equal(4",
        "    raise KitError('out of luck')\n    expect.equal(4",
    )
    lab.change("labs/tiny/test_calc.py", "import expect", "import KitError, expect")
    assert 20 == labkit._exit_code(ARGUMENTS)
    shown = capsys.readouterr()
    assert ["?", "?", "?", "?", "✓"] == sorted(
        line[0] for line in shown.out.splitlines() if "/5 tiny " in line
    )
    assert "tiny: model answers: the run proves nothing, it ended with exit status 20:\n" in shown.err
    assert "out of luck" in shown.err


def test_run_that_cannot_be_made(lab: AuthorsLab) -> None:
    """A run that does not end, or cannot be started, is no proof either."""
    found = manifest.read(lab.root / "labs" / "tiny", lab.root)

    def never(_arguments: Sequence[str], _output: Path) -> int:
        raise TimeoutError("pytest labs/tiny did not end within 900 s")

    result = carry_out(Proof(found, lab.root).stubs(), lab.root, lab.root / "runs", never)
    assert result.broken
    assert ("tiny: untouched stubs: pytest labs/tiny did not end within 900 s",) == result.complaints


def test_report_is_what_is_judged(lab: AuthorsLab) -> None:
    """A run that exits with 0 and leaves no report has proven nothing."""
    found = manifest.read(lab.root / "labs" / "tiny", lab.root)

    def silent(_arguments: Sequence[str], output: Path) -> int:
        output.write_text("all is well\n")
        (output.parent / "tiny").mkdir()
        (output.parent / "tiny" / "report.json").write_text(json.dumps(["passed"]))
        return 0

    result = carry_out(Proof(found, lab.root).stubs(), lab.root, lab.root / "runs", silent)
    assert result.broken
    assert "it ended with exit status 0:\n    all is well" in result.complaints[0]


def processes_in(*folders: Path) -> Iterator[str]:
    """The command lines of other processes that work in *folders* or have their temporary folder there."""
    roots = tuple(map(str, folders))
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            places = process.cwd(), process.environ().get("TMPDIR", "")
            if process.pid != os.getpid() and any(place.startswith(roots) for place in places):
                yield " ".join(process.cmdline())


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder with a short name: the path of a socket has room for a hundred bytes."""
    with tempfile.TemporaryDirectory(prefix="labkit-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def waiting(lab: AuthorsLab, temporary: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A `check-labs` of the lab, with a Redis and three runs, the one of the model answers hanging."""
    lab.change("labs/tiny/lab.toml", "answers", 'services = ["redis"]\nanswers')
    lab.change("labs/tiny/test_calc.py", "test_add(answers)", "test_add(answers, redis)")
    waits = f"import pathlib, time\npathlib.Path({str(tmp_path)!r}, 'waits').touch()\n"
    lab.write("solutions/tiny/calc.py", f"{waits}[time.sleep(0.05) for _ in range(1000)]\n{RIGHT}")
    command = [sys.executable, "-m", "pytest_labkit.cli", *ARGUMENTS, "-j", "3"]
    environ = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(command, cwd=lab.root, env=environ, stderr=subprocess.PIPE, text=True) as run:
        try:
            assert eventually((tmp_path / "waits").exists, within_s=60)
            yield run
        finally:
            run.kill()


@pytest.mark.parametrize("number", POLITE)
def test_a_signal_leaves_nothing(
    number: signal.Signals, waiting: subprocess.Popen[str], temporary: Path, tmp_path: Path
) -> None:
    """Ctrl-C, SIGTERM and SIGHUP end the runs too: no process, service, temporary folder or note is left."""
    assert any(re.search("(redis|valkey)-server", command) for command in processes_in(temporary, tmp_path))
    waiting.send_signal(number)
    assert "Interrupted." == waiting.communicate(timeout=60)[1].strip()
    assert 2 == waiting.returncode
    assert eventually(lambda: [] == [*processes_in(temporary, tmp_path)])
    assert [] == [path.name for path in temporary.iterdir() if path.suffix != ".lock"]
    assert [] == [*(tmp_path / ".labkit" / "run").glob("[!.]*.json")]
