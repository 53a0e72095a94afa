"""Kill what you like, when you like: no process, folder or lock outlives the next run's start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from pytest_labkit import services
from pytest_labkit.host import processes, settings
from pytest_labkit.services import guard, registry
from tests.infrastructure.conftest import Course, eventually


def guards(course: Course) -> list[psutil.Process]:
    """The guard processes of the checkout."""
    notes = str(guard.folder(course.root))
    return [p for p in psutil.process_iter() if notes in (_command(p) or [])]


def _command(process: psutil.Process) -> list[str] | None:
    try:
        return process.cmdline()
    except psutil.Error:
        return None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_f13_an_interrupted_run_stops_its_services(course: Course, number: signal.Signals) -> None:
    """It says which, the report is there, and the server is gone when pytest is."""
    run = course.until_it_waits()
    (note,) = course.notes()
    run.send_signal(number)
    said, _ = run.communicate(timeout=60)
    assert 2 == run.returncode
    assert f"{number.name}: stopped redis" in said
    assert {"A1": "passed", "A2": "unknown", "A3": "unknown"} == course.verdicts
    assert "incomplete" == course.report["status"]
    assert [None] == [processes.find(process) for process in note["processes"]]
    assert ([], []) == (course.left(), course.notes())


def test_f05_a_killed_run_leaves_nothing_to_the_next(course: Course) -> None:
    """Its server ends by itself; the next run makes its report and removes its folder."""
    run = course.until_it_waits()
    (note,) = course.notes()
    run.kill()
    run.wait(30)
    assert eventually(lambda: [None] == [processes.find(process) for process in note["processes"]])
    code, said = course.run("-k", "nothing")
    assert 22 == code
    assert "was cut off; of it 1 test is known (A1 passed)" in said
    assert "cleaned up after a run that was killed: a temporary folder" in said
    assert ([], []) == (course.left(), course.notes())
    assert [] == list((course.root / ".labkit" / "journal").glob("*"))


def test_f05_the_guard_is_killed_too(course: Course) -> None:
    """Then the server goes on, until the next run starts."""
    run = course.until_it_waits()
    (note,) = course.notes()
    assert eventually(lambda: 1 == len(guards(course)))
    guards(course)[0].kill()
    run.kill()
    run.wait(30)
    assert processes.find(note["processes"][0]) is not None
    _, said = course.run("-k", "nothing")
    assert "cleaned up after a run that was killed: redis, a temporary folder" in said
    assert processes.find(note["processes"][0]) is None
    assert ([], []) == (course.left(), course.notes())


def test_f05_a_killed_run_of_xdist(course: Course) -> None:
    """What its workers shared goes with the controller; their folders, journal and locks by the next run."""
    run = course.until_it_waits("-n", "2")
    (note,) = course.notes()
    shared = course.root / ".labkit" / "shared"
    assert [] != list(shared.glob("*"))
    run.kill()
    run.wait(30)
    assert eventually(lambda: [None] == [processes.find(process) for process in note["processes"]])
    workers = psutil.process_iter()
    mine = [p for p in workers if str(course.root) == _folder(p)]
    assert eventually(lambda: [] == [p for p in mine if p.is_running()], within_s=60)
    course.run("-k", "nothing")
    assert ([], []) == (course.left(), course.notes())
    assert [] == list(shared.glob("*"))


def _folder(process: psutil.Process) -> str | None:
    try:
        return process.cwd()
    except psutil.Error:
        return None


@pytest.mark.parametrize("door", ["direct", "process"])
def test_f05_links_and_doors_go_with_a_killed_run(course: Course, door: str) -> None:
    """The process that a test's faults are made in, templates and children of the door: all of them."""
    faulty = course.tests.replace("def test_store(answers, redis)", "def test_store(answers, redis, faults)")
    course.tests = faulty.replace("before_A2()\n    e", "answers.store.same(1)\n    before_A2()\n    e")
    run = course.until_it_waits("--lab-door", door)
    family = psutil.Process(run.pid).children(recursive=True)
    assert 2 <= len(family)
    run.kill()
    run.wait(30)
    assert eventually(lambda: [] == [child.cmdline() for child in family if _runs(child)])
    course.run("-k", "nothing")
    assert ([], []) == (course.left(), course.notes())


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


KILLED_IN = """
import os, signal, sys
from pathlib import Path
from pytest_labkit import services
from pytest_labkit.host import settings
from pytest_labkit.services import guard
from pytest_labkit.services import local, registry
from pytest_labkit.host import processes
def die(*args, **kwargs): os.kill(os.getpid(), signal.SIGKILL)
{where} = die
services.up(settings.resolve(Path(sys.argv[1]), options={{"backend": "local"}}), ["redis"])
"""


@pytest.mark.parametrize(
    "where",
    [
        "processes.free_ports",  # its folder is there, nothing else
        "processes.identity",  # not even its note can be written
        "local.processes.listens",  # it runs, and is noted
        "registry.Registry.put",  # it works, and is not in the state file yet
        "local.Local.settled",  # it is in the state file, and its note is there still
    ],
)
def test_up_killed_at_any_moment_leaves_nothing(course: Course, where: str) -> None:
    """Whichever step `labkit up` was at: by the next one's start server, folder and note are gone."""
    command = [sys.executable, "-c", KILLED_IN.format(where=where), str(course.root)]
    environ = {**os.environ, "TMPDIR": str(course.tmp)}
    up = subprocess.run(command, env=environ, check=False, timeout=60)
    assert -signal.SIGKILL == up.returncode
    course.run("-k", "nothing")
    assert ([], []) == (course.left(), course.notes())
    assert [] == [p for p in psutil.process_iter() if (_folder(p) or "").startswith(str(course.tmp))]


def test_a_process_that_was_not_noted_yet_is_found(course: Course) -> None:
    """Killed after the start of a server and before its number is written down: it works in the folder."""
    command = [sys.executable, "-c", KILLED_IN.format(where="local.Local.describe"), str(course.root)]
    up = subprocess.run(command, env={**os.environ, "TMPDIR": str(course.tmp)}, check=False, timeout=60)
    assert -signal.SIGKILL == up.returncode
    course.run("-k", "nothing")
    assert ([], []) == (course.left(), course.notes())
    assert [] == [p for p in psutil.process_iter() if (_folder(p) or "").startswith(str(course.tmp))]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_up_that_is_interrupted_leaves_nothing(course: Course, number: signal.Signals) -> None:
    """Ctrl-C and its kin while Kafka starts: what was not ready goes."""
    up = course.begin("labkit", "up", "--backend", "local")
    assert eventually(
        lambda: any(note["service"] == "kafka" and note["processes"] for note in course.notes())
    )
    up.send_signal(number)
    up.communicate(timeout=60)
    assert 0 != up.returncode
    assert "kafka" not in registry.kept(course.root).services()
    assert eventually(lambda: course.notes() == [])
    services.down(settings.resolve(course.root))
    assert [] == course.left()


def test_what_up_keeps_survives_every_run_and_sweep(course: Course) -> None:
    """Also one that was killed, and one of another checkout."""
    code, said = course.run("labkit", "up", "tiny", "--backend", "local")
    assert 0 == code, said
    run = course.until_it_waits()
    run.kill()
    run.wait(30)
    _, said = course.run("-k", "nothing")
    assert "cleaned up after a run that was killed: a temporary folder" in said
    (kept,) = services.status(settings.resolve(course.root))
    assert kept.works
    assert 0 == course.run("labkit", "status")[0]


def test_f10_the_lock_of_a_killed_timed_test_is_free_at_once(course: Course) -> None:
    """Nobody waits for the dead."""
    code = (
        "import time; from pytest_labkit.runs import limits\n"
        "with limits.one_at_a_time(print): print('here', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code]
    environ = {**os.environ, "TMPDIR": str(course.tmp)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert "here\n" == holder.stdout.readline()
        holder.kill()
    code = (
        "import time; from pytest_labkit.runs import limits; began = time.monotonic()\n"
        "with limits.one_at_a_time(print): print(time.monotonic() - began)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 5  # a second line, "waiting for another timed test", would be no number
