"""A DynamoDB that cannot be had costs exactly the tests that use it, and one sentence says why."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_labkit.host import processes, settings
from pytest_labkit.services import Services
from pytest_labkit.services.doctor import doctor
from tests.infrastructure.conftest import Course

TESTS = '''
import pytest
from pytest_labkit import expect

@pytest.mark.criterion("A1")
def test_nothing(answers, redis):
    """A word is given back."""
    expect.equal("word", answers.store.same("word"))

@pytest.mark.criterion("A2")
def test_store(answers, redis, dynamodb):
    """A stored word is found."""
    expect.equal("word", answers.store.stored("a", "word"))

@pytest.mark.criterion("A3")
def test_more(answers, redis):
    """Another word is found."""
    expect.equal("more", answers.store.stored("b", "more"))
'''


def offline(_course: Course) -> Mapping[str, str]:
    """Nothing was downloaded, and nothing may be."""
    return {"LABKIT_OFFLINE": "1"}


def no_network(_course: Course) -> Mapping[str, str]:
    """Nothing was downloaded, and the registry cannot be reached."""
    return {"LABKIT_NPM_URL": "http://127.0.0.1:1"}


def does_not_run(course: Course) -> Mapping[str, str]:
    """The one on PATH is for another machine."""
    program = course.root / "bin" / "dynoxide"
    program.parent.mkdir()
    program.write_bytes(b"\x7fELF of another processor")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("cause", "got", "way_out"),
    [
        (offline, "dynoxide 1.2.1 is not all in ", "Unset LABKIT_OFFLINE and run once with a network"),
        (no_network, "linux-x64-1.2.1.tgz cannot be downloaded from http://127.0.0.1:1: ", "LABKIT_NPM_URL"),
        (does_not_run, "bin/dynoxide does not run on this machine: Exec format error.", "LABKIT_CACHE"),
    ],
)
def test_f15_dynamodb_that_cannot_be_had(
    course: Course, cause: Callable[[Course], Mapping[str, str]], got: str, way_out: str
) -> None:
    """Exactly its criterion is unknown, and says why and what to do; the others stand."""
    course.write("test_store.py", TESTS)
    environ = {**os.environ, "LABKIT_CACHE": str(course.root / "cache"), **cause(course)}
    code, said = course.run("--lab-backend", "local", environ=environ)
    assert 20 == code, said
    assert {"A1": "passed", "A2": "unknown", "A3": "passed"} == course.verdicts, said
    assert got in course.report["criteria"][1]["message"]["got"]
    assert way_out in said
    assert "your work is not graded down" in said
    assert "Traceback" not in said
    assert [] == course.left()


def test_f08_dynamodb_s_port_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By another program, between the look and the use: it is started on another one, and that is said."""
    said: list[str] = []
    with Services(settings.resolve(tmp_path, options={"backend": "local"}), said.append) as run:
        taken = int(run.endpoint("dynamodb").address.rpartition(":")[2])
        free, offered = processes.free_ports, [[taken]]
        monkeypatch.setattr(processes, "free_ports", lambda count: offered.pop() if offered else free(count))
        with run.own("dynamodb") as endpoint:
            assert not endpoint.address.endswith(f":{taken}")
    assert any("already in use" in line for line in said[-1].splitlines())
    assert "Starting dynamodb once more, on another port." == said[-1].splitlines()[-1]


def test_doctor_says_what_is_wrong_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its own line; the other services can be had without it."""
    assert any(check.name == "dynoxide" and check.ok for check in doctor(settings.resolve(tmp_path)))
    path = tmp_path / "dynoxide"
    path.write_text("#!/bin/sh\nexit 3\n")
    path.chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    found = doctor(replace(settings.resolve(tmp_path), environ=environ))
    (line,) = [check for check in found if check.name == "dynoxide"]
    assert (False, False) == (line.ok, line.needed)
    assert f"{path} does not run on this machine: it ends with exit status 3." == line.found
