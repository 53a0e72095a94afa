"""However a run ends, what had finished is reported, and nothing that it made outlives the next run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.plugin.conftest import LAB_TOML, RIGHT, TinyLab

A2 = "return add(n, n)"
# In slices: Python's sleep() loses a signal that comes in the microsecond before it, until it is over.
WAITS = "import os, pathlib, signal, time\n" + RIGHT.replace(
    A2, "pathlib.Path('waiting').touch(); [time.sleep(0.05) for _ in range(1200)]"
)
POLITE = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def eventually(look: Callable[[], bool], *, within_s: float = 20) -> bool:
    """Whether *look* becomes true in time."""
    deadline = time.monotonic() + within_s
    while not (true := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return true


class Runs:
    """Runs of the tiny lab in processes of their own, whose temporary folder is `tmp` in the project."""

    def __init__(self, lab: TinyLab) -> None:
        self.lab = lab
        self.tmp = lab.root / "tmp"
        self.tmp.mkdir()
        self.started: list[subprocess.Popen[str]] = []
        lab.write("lab.toml", LAB_TOML.replace("time_limit_s = 2", "time_limit_s = 60"))
        lab.answers("mine", "calc.py", WAITS)

    def begin(self, *args: str, **environ: str) -> subprocess.Popen[str]:
        """Begin a run on the answers in `mine`."""
        command = [sys.executable, "-m", "pytest", "labs/tiny", "--lab-answers", "mine", *args]
        run = subprocess.Popen(
            command,
            cwd=self.lab.root,
            env={**os.environ, "TMPDIR": str(self.tmp), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(run)
        return run

    def until_it_waits(self, *args: str) -> subprocess.Popen[str]:
        """Begin a run and wait until its second criterion is being checked; the first has passed."""
        run = self.begin(*args)
        waiting = [self.lab.root / "waiting", self.lab.root / "mine" / "waiting"]
        assert eventually(lambda: any(self.waits()), within_s=60), waiting
        return run

    def waits(self) -> Iterator[bool]:
        """Whether a test waits, wherever its current folder is."""
        yield (self.lab.root / "waiting").exists()
        yield from (path.exists() for path in self.tmp.glob("labkit-answers-*/tiny/waiting"))

    def left(self) -> list[str]:
        """What lies in the temporary folder and in the places of journals and notes."""
        kit = self.lab.root / ".labkit"
        found = [*self.tmp.glob("labkit-*"), *(kit / "journal").glob("*"), *(kit / "run").glob("[!.]*.json")]
        return [path.name for path in found if path.name != "labkit-timed.lock"]

    def next(self) -> str:
        """The output of a next run, on the lab's own files, which are right."""
        self.lab.write("calc.py", RIGHT)
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "labs/tiny", "--lab-criterion", "A1"],
            cwd=self.lab.root,
            env={**os.environ, "TMPDIR": str(self.tmp)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return run.stdout

    def report_command(self, *args: str) -> str:
        """The output of `labkit report`."""
        return subprocess.run(
            [sys.executable, "-m", "pytest_labkit.cli", "report", *args],
            cwd=self.lab.root,
            env={**os.environ, "TMPDIR": str(self.tmp)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        ).stdout


@pytest.fixture
def runs(right: TinyLab) -> Iterator[Runs]:
    """Runs, which are killed after the test if need be."""
    made = Runs(right)
    yield made
    for run in made.started:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.communicate()


@pytest.mark.parametrize("number", POLITE, ids=lambda number: number.name)
@pytest.mark.parametrize("door", ["direct", "process"])
def test_a_run_that_is_asked_to_end_reports_at_once(runs: Runs, number: signal.Signals, door: str) -> None:
    """Ctrl-C, SIGTERM and SIGHUP: a valid report that says incomplete, exit code 2, and nothing is left."""
    run = runs.until_it_waits("--lab-door", door)
    run.send_signal(number)
    said, _ = run.communicate(timeout=30)
    assert 2 == run.returncode
    assert "incomplete" == runs.lab.report["status"]
    assert {"A1": "passed", "A2": "unknown", "A3": "unknown"} == runs.lab.verdicts
    assert f"{number.name}: stopped no service" in said
    assert f"{number.name} ended this run before all of it had run." in runs.lab.report["notes"]
    assert [] == runs.left()


def test_a_second_ctrl_c_does_not_stop_the_cleaning(runs: Runs) -> None:
    """However often it is pressed while a fixture is torn down: the report is there, nothing is left."""
    runs.lab.write(
        "conftest.py",
        """
        import pathlib, time, pytest
        @pytest.fixture(autouse=True, scope="session")
        def slow():
            yield
            pathlib.Path("cleaning").touch()
            end = time.monotonic() + 2
            while time.monotonic() < end:
                time.sleep(0.05)
            pathlib.Path("cleaned").touch()
        """,
    )
    run = runs.until_it_waits()
    run.send_signal(signal.SIGINT)
    assert eventually((runs.lab.root / "cleaning").exists)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        run.send_signal(number)
    said, _ = run.communicate(timeout=30)
    assert 2 == run.returncode
    assert (runs.lab.root / "cleaned").exists()
    assert "cleaning up; it takes a few seconds" in said
    assert "incomplete" == runs.lab.report["status"]
    assert [] == runs.left()


def test_a_signal_that_is_ignored_stays_so(runs: Runs) -> None:
    """`nohup pytest labs/tiny` goes on when the terminal is closed."""
    run = subprocess.Popen(
        [sys.executable, "-c", "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
         "os.execv(sys.executable, [sys.executable, '-m', 'pytest', 'labs/tiny', '--lab-answers', 'mine'])"],
        cwd=runs.lab.root,
        env={**os.environ, "TMPDIR": str(runs.tmp)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )  # fmt: skip
    runs.started.append(run)
    assert eventually(lambda: any(runs.waits()), within_s=60)
    run.send_signal(signal.SIGHUP)
    run.send_signal(signal.SIGTERM)
    said, _ = run.communicate(timeout=30)
    assert "SIGTERM: stopped no service" in said


@pytest.mark.parametrize("door", ["direct", "process"])
def test_a_killed_run_is_reported_by_the_next(runs: Runs, door: str) -> None:
    """kill -9 in the middle: its verdicts are not lost, the next run says so, and nothing is left of it."""
    run = runs.until_it_waits("--lab-door", door)
    run.kill()
    run.communicate(timeout=30)
    assert not (runs.lab.root / ".labkit" / "reports").exists()
    shown = runs.report_command("tiny")
    assert re.search(
        r"labs/tiny: the run of \S+ \S+ was cut off; of it 2 tests are known \(A1 passed\); "
        r"its report, incomplete: \.labkit/reports/tiny/report\.html",
        shown,
    )
    assert "tiny  A tiny lab" in shown
    assert "incomplete" == runs.lab.report["status"]
    assert runs.lab.report["passed"] is False
    assert {"A1": "passed", "A2": "unknown", "A3": "unknown"} == runs.lab.verdicts
    assert {"earned": 2, "possible": 6} == runs.lab.report["points"]
    assert door == runs.lab.report["door"]
    assert [str(runs.lab.root / "mine" / "calc.py")] == [
        str(runs.lab.root / answer["origin"]) for answer in runs.lab.report["answers"]
    ]
    assert "cut off" not in runs.next()
    assert [] == runs.left()


@pytest.mark.parametrize("door", ["direct", "process"])
def test_no_process_outlives_a_killed_run(runs: Runs, door: str) -> None:
    """Neither the run's own nor a child of the answers; `labkit status` has nothing to tell."""
    run = runs.until_it_waits("--lab-door", door)
    family = psutil.Process(run.pid).children(recursive=True)
    assert (door == "process") == bool(family)
    run.kill()
    run.wait(30)
    assert eventually(lambda: [] == [child for child in family if child.is_running()], within_s=10)
    assert "cut off; of it 2 tests are known (A1 passed)" in runs.next()
    assert [] == runs.left()
    status = [sys.executable, "-m", "pytest_labkit.cli", "status"]
    shown = subprocess.run(status, cwd=runs.lab.root, capture_output=True, text=True, check=True)
    assert "Nothing is kept here. Start services with: labkit up\n" == shown.stdout


def test_answers_that_end_the_process_lose_nothing(runs: Runs) -> None:
    """`os._exit(0)` in door direct ends pytest with status 0 and without a word; the next run tells."""
    runs.lab.answers("mine", "calc.py", WAITS.replace("time.sleep(0.05)", "os._exit(0)"))
    run = runs.begin()
    run.communicate(timeout=60)
    assert 0 == run.returncode
    assert "of it 2 tests are known (A1 passed)" in runs.next()
    assert [] == runs.left()


def test_a_run_killed_before_a_test_had_finished_is_told(runs: Runs) -> None:
    """There is nothing to report; the report of an earlier run stays."""
    runs.next()
    before = runs.lab.report
    run = runs.until_it_waits("--lab-criterion", "A2")
    run.kill()
    run.communicate(timeout=30)
    assert "was cut off before a test had finished" in runs.report_command("tiny")
    assert before == runs.lab.report


def test_a_newer_report_is_not_replaced_by_an_older_run(runs: Runs) -> None:
    """A run that was killed later than another, which began after it, had ended."""
    run = runs.until_it_waits()
    began = int(time.time())
    assert eventually(lambda: int(time.time()) > began)  # reports tell runs apart by the second
    runs.next()
    newer = runs.lab.report
    run.kill()
    run.communicate(timeout=30)
    assert "(A1 passed); a newer report is there already" in runs.report_command("tiny")
    assert newer == runs.lab.report
    runs.next()
    assert [] == runs.left()


def test_a_living_run_is_not_taken_for_a_killed_one(runs: Runs) -> None:
    """Two runs in one checkout: neither touches the other's journal, folder or answers."""
    run = runs.until_it_waits()
    left = runs.left()
    assert 2 == len(left)
    assert "cut off" not in runs.next()
    assert left == runs.left()
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=30)
    assert 2 == run.returncode
    assert [] == runs.left()


def test_ctrl_c_with_xdist(runs: Runs) -> None:
    """With pytest -n 2 Ctrl-C reaches all processes: one report, nothing left by the next run."""
    run = runs.until_it_waits("-n", "2")
    family = psutil.Process(run.pid).children(recursive=True)
    assert eventually(lambda: finished(runs) == 2)
    os.killpg(run.pid, signal.SIGINT)
    run.communicate(timeout=60)
    assert 2 == run.returncode
    assert "incomplete" == runs.lab.report["status"]
    assert "passed" == runs.lab.verdicts["A1"]
    assert eventually(lambda: [] == [child for child in family if child.is_running()])
    runs.next()
    assert [] == runs.left()


def test_a_killed_controller_of_xdist(runs: Runs) -> None:
    """With pytest -n 2 the controller keeps the journal; its workers end with it."""
    run = runs.until_it_waits("-n", "2")
    family = psutil.Process(run.pid).children(recursive=True)
    assert eventually(lambda: finished(runs) == 2)
    run.kill()
    run.communicate(timeout=30)
    assert eventually(lambda: [] == [child for child in family if child.is_running()], within_s=90)
    assert "A1 passed" in runs.next()
    assert [] == runs.left()


def finished(runs: Runs) -> int:
    """How many tests the journals know."""
    journals = (runs.lab.root / ".labkit" / "journal").glob("*.jsonl")
    return sum(file.read_bytes().count(b'"outcome"') for file in journals)


def test_unwritable_journal_is_said_once(runs: Runs) -> None:
    """The run goes on to its report."""
    (runs.lab.root / ".labkit").mkdir()
    (runs.lab.root / ".labkit" / "journal").touch()
    runs.lab.answers("mine", "calc.py", RIGHT)
    run = runs.begin()
    said, _ = run.communicate(timeout=60)
    assert 0 == run.returncode
    assert 1 == said.count("The journal cannot be written (File exists)")
    assert runs.lab.report["passed"] is True


def test_report_that_cannot_be_written_is_made_later(runs: Runs) -> None:
    """A full disk: exit code 20, the verdicts on the terminal; with room again, `labkit report` writes it."""
    runs.lab.answers("mine", "calc.py", RIGHT)
    (runs.lab.root / ".labkit" / "reports").mkdir(parents=True)
    (runs.lab.root / ".labkit" / "reports" / "tiny").touch()
    run = runs.begin()
    said, _ = run.communicate(timeout=60)
    assert 20 == run.returncode
    assert "6 of 6 points" in said
    (runs.lab.root / ".labkit" / "reports" / "tiny").unlink()
    assert "(A1 passed, A2 passed, A3 passed); its report, incomplete" in runs.report_command("tiny")
    assert "incomplete" == runs.lab.report["status"]


def test_no_room_for_the_answers_is_one_plain_message(runs: Runs) -> None:
    """Without a temporary folder nothing can be staged: exit code 20, no traceback."""
    runs.lab.write("conftest.py", "import tempfile\ntempfile.tempdir = '/nonexistent'\n")
    run = runs.begin()
    said, _ = run.communicate(timeout=30)
    assert 20 == run.returncode
    assert "Exit: The answers cannot be brought together: [Errno 2] No such file or directory" in said
    assert "Traceback" not in said
