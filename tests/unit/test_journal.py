"""What has finished survives a kill, whatever became of the last line."""

from __future__ import annotations

import json
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_labkit.domain.model import Measurement, Message, ServiceInfo, Verdict
from pytest_labkit.runs import journal
from pytest_labkit.runs.journal import Journal
from pytest_labkit.runs.outcome import Outcome

PASSED = Outcome("labs/tiny", "A1", "test_it.py::test_a", Verdict.PASSED, 0.5)
FAILED = Outcome(
    "labs/tiny",
    "A2",
    "test_it.py::test_b",
    Verdict.FAILED,
    1.5,
    Message("sums", "5", "4 und ünsinn", None, "calc.py:3"),
    (Measurement("speed", 1.0, "sums/s", ">= 2", False, (1.0, 2.0)),),
)
WRITER = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_journal import FAILED, PASSED
from pytest_labkit.runs.journal import Journal
written = Journal(Path(sys.argv[1]), "tiny", {{"lab": "labs/tiny"}})
written.finished(PASSED)
written.finished(FAILED)
print("here", flush=True)
time.sleep(60)
"""


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """Leaves the journal of a process that was killed after two tests."""

    def killed() -> Path:
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert "here\n" == child.stdout.readline()
            assert [] == journal.orphans(tmp_path)  # it lives
            child.send_signal(signal.SIGKILL)
        (file,) = tmp_path.iterdir()
        return file

    return killed


def test_a_killed_run_leaves_what_had_finished(killed: Callable[[], Path], tmp_path: Path) -> None:
    """Every outcome comes back as it was, with messages and measurements, and the head."""
    file = killed()
    assert [file] == journal.orphans(tmp_path)
    found = journal.read(file)
    assert found is not None
    assert [PASSED, FAILED] == found.outcomes
    assert "labs/tiny" == found.head["lab"]
    assert file.name.startswith(f"tiny-{found.head['pid']}-")


@pytest.mark.parametrize("lost", [1, 2, 30])
def test_a_torn_last_line_is_no_line(killed: Callable[[], Path], lost: int) -> None:
    """Power failed while it was written: what stood before it counts."""
    file = killed()
    file.write_bytes(file.read_bytes()[:-lost])
    found = journal.read(file)
    assert found is not None
    assert [PASSED] == found.outcomes


@pytest.mark.parametrize("content", [b"", b"{", b"[]\n", b'{"outcome": 1}\n', b"\xff\n"])
def test_what_has_no_head_is_no_journal(tmp_path: Path, content: bytes) -> None:
    """It is told apart from one that has."""
    file = tmp_path / "tiny-1-1.00-x.jsonl"
    file.write_bytes(content)
    assert journal.read(file) is None


def test_an_outcome_of_another_version_ends_the_reading(killed: Callable[[], Path]) -> None:
    """What stood before it counts; nothing is guessed."""
    file = killed()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:2], b'{"at_s": 1, "outcome": {"verdict": "great"}}\n', lines[2]]))
    found = journal.read(file)
    assert found is not None
    assert [PASSED] == found.outcomes


def test_services_are_kept_too(tmp_path: Path) -> None:
    """The report names them."""
    written = Journal(tmp_path, "tiny", {})
    written.using({"redis": ServiceInfo("7.0", "local", 0.1)})
    (file,) = tmp_path.iterdir()
    found = journal.read(file)
    assert found is not None
    assert {"redis": ServiceInfo("7.0", "local", 0.1)} == found.services
    written.discard()
    assert [] == list(tmp_path.iterdir())


def test_what_was_left_out_is_kept_too(tmp_path: Path) -> None:
    """The report says which tests were not run as their criterion was decided."""
    written = Journal(tmp_path, "tiny", {})
    written.left_out("A1", "labs/tiny/test_it.py::test_b")
    (file,) = tmp_path.iterdir()
    found = journal.read(file)
    assert found is not None
    assert [("A1", "labs/tiny/test_it.py::test_b")] == found.left_out
    written.discard()


def test_two_runs_have_two_journals(tmp_path: Path) -> None:
    """Also two of one process; neither takes anything from the other."""
    first, second = Journal(tmp_path, "tiny", {}), Journal(tmp_path, "tiny", {})
    first.finished(PASSED)
    second.finished(FAILED)
    first.discard()
    (file,) = tmp_path.iterdir()
    found = journal.read(file)
    assert found is not None
    assert [FAILED] == found.outcomes
    second.discard()


def test_a_disk_that_fills_up_is_said_once(tmp_path: Path) -> None:
    """The run goes on; what fitted can be read, and nothing is appended to a torn line."""
    said: list[str] = []
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    written = Journal(tmp_path, "tiny", {}, said.append)
    written.finished(PASSED)
    (file,) = tmp_path.iterdir()
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 20, before[1]))
    try:
        written.finished(FAILED)
        written.finished(PASSED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    written.finished(PASSED)
    assert [
        "The journal cannot be written (File too large): if this run is killed, its verdicts are lost."
    ] == said
    found = journal.read(file)
    assert found is not None
    assert [PASSED] == found.outcomes
    written.discard()
    assert [] == list(tmp_path.iterdir())


def test_no_place_for_a_journal_is_said_once(tmp_path: Path) -> None:
    """A file is where the folder should be."""
    said: list[str] = []
    (tmp_path / "file").touch()
    written = Journal(tmp_path / "file" / "journal", "tiny", {}, said.append)
    written.finished(PASSED)
    written.discard()
    assert 1 == len(said)
    assert said[0].startswith("The journal cannot be written (Not a directory): if this run is killed")


def test_a_line_costs_a_few_milliseconds(tmp_path: Path) -> None:
    """The median of 50 lines, each flushed to the disk."""
    written = Journal(tmp_path, "tiny", {})
    costs = []
    for _ in range(50):
        began = time.perf_counter()
        written.finished(FAILED)
        costs.append(time.perf_counter() - began)
    written.discard()
    assert statistics.median(costs) < 0.02


def test_every_line_is_one_line_of_ascii(tmp_path: Path) -> None:
    """Whatever a student's code returns."""
    written = Journal(tmp_path, "tiny", {})
    written.finished(FAILED)
    (file,) = tmp_path.iterdir()
    lines = file.read_bytes().decode("ascii").splitlines()
    assert 2 == len([json.loads(line) for line in lines])
    written.discard()
