"""A lab that uses a real Redis, and runs of it in processes of their own that can be broken in many ways."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import pytest_labkit
from pytest_labkit import services
from pytest_labkit.host import processes, settings

SOURCES = str(Path(pytest_labkit.__file__).parents[1])

LAB_TOML = """
id = "tiny"
title = "A tiny lab"
answers = ["store.py"]
services = ["redis"]
parts = [{id = "A", title = "Storing", minutes = 5}]
criteria = [
  {id = "A1", part = "A", title = "needs nothing", points = 1, time_limit_s = 40},
  {id = "A2", part = "A", title = "stores", points = 2, time_limit_s = 40},
  {id = "A3", part = "A", title = "stores more", points = 4, time_limit_s = 40},
]
"""

TESTS = '''
import pytest
from pytest_labkit import expect

@pytest.mark.criterion("A1")
def test_nothing(answers):
    """A word is given back."""
    expect.equal("word", answers.store.same("word"))

@pytest.mark.criterion("A2")
def test_store(answers, redis):
    """A stored word is found."""
    before_A2()
    expect.equal("word", answers.store.stored("a", "word"))

@pytest.mark.criterion("A3")
def test_more(answers, redis):
    """Another word is found."""
    expect.equal("more", answers.store.stored("b", "more"))

def before_A2():
    pass
'''

STORE = """
import os
import redis

def same(word):
    return word

def stored(key, word):
    with redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True) as client:
        client.set(key, word)
        return client.get(key)
"""

WAITING = """
def before_A2():
    import pathlib, time
    pathlib.Path("waiting").touch()
    end = time.monotonic() + 30
    while not pathlib.Path("go").exists() and time.monotonic() < end:
        time.sleep(0.02)
"""


def eventually(look: Callable[[], bool], *, within_s: float = 30) -> bool:
    """Whether *look* becomes true in time."""
    deadline = time.monotonic() + within_s
    while not (true := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return true


class Course:
    """A checkout with the lab in it, and a temporary folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "labs" / "tiny"
        self.tmp = root / "tmp"
        self.tests = TESTS
        for folder in (self.folder, self.tmp):
            folder.mkdir(parents=True)
        for package in (self.folder, self.folder.parent):
            (package / "__init__.py").touch()
        (root / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers -p no:cacheprovider\n")
        self.write("lab.toml", LAB_TOML)
        self.write("test_store.py", TESTS)
        self.write("store.py", STORE)
        self.started: list[subprocess.Popen[str]] = []

    def write(self, name: str, text: str) -> None:
        """Write a file of the lab."""
        (self.folder / name).write_text(dedent(text))

    def before_a2(self, body: str) -> None:
        """Have the test of A2 do this before the student's code is called."""
        self.write("test_store.py", self.tests.replace("def before_A2():\n    pass\n", body))

    def begin(self, *args: str, environ: Mapping[str, str] = os.environ, **options: Any) -> Any:
        """Begin a run with these arguments; `labkit` as the first begins that command instead."""
        python = [sys.executable, "-B", "-m"]  # bytecode written under a limit on file sizes would be torn
        local = () if "--lab-backend" in args else ("--lab-backend", "local")
        command = [*python, "pytest", "labs/tiny", *local, *args]
        if args[:1] == ("labkit",):
            command = [*python, "pytest_labkit.cli", *args[1:]]
        run = subprocess.Popen(
            command,
            cwd=self.root,
            env={**environ, "TMPDIR": str(self.tmp), "PYTHONPATH": SOURCES},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **options,
        )
        self.started.append(run)
        return run

    def run(self, *args: str, **options: Any) -> tuple[int, str]:
        """The exit code and output of such a run, with a space for each run of white space."""
        run = self.begin(*args, **options)
        said, _ = run.communicate(timeout=120)
        return run.returncode, " ".join(said.split())

    def until_it_waits(self, *args: str, **options: Any) -> Any:
        """Begin a run whose test of A2 waits, and wait until it does."""
        self.before_a2(WAITING)
        run = self.begin(*args, **options)
        waiting = self.root / "waiting"
        assert eventually(waiting.exists, within_s=60), run.poll()
        return run

    @property
    def report(self) -> dict[str, Any]:
        """The report of the last run."""
        found = json.loads((self.root / ".labkit" / "reports" / "tiny" / "report.json").read_text())
        assert isinstance(found, dict)
        return found

    @property
    def verdicts(self) -> dict[str, str]:
        """Criterion id -> verdict, of the last run."""
        return {criterion["id"]: criterion["verdict"] for criterion in self.report["criteria"]}

    def notes(self) -> list[dict[str, Any]]:
        """What is written down of the services of runs."""
        files = (self.root / ".labkit" / "run").glob("[!.]*.json")
        return [json.loads(file.read_text()) for file in files]

    def left(self) -> list[str]:
        """What lies in the temporary folder, but for the locks, which are few and always the same."""
        return [path.name for path in self.tmp.glob("labkit-*") if path.suffix != ".lock"]

    def servers(self) -> list[str]:
        """The processes that work in a folder of this checkout's temporary folder."""
        folders = [Path(note["folder"]) for note in self.notes()] + list(self.tmp.glob("labkit-*"))
        return [str(folder) for folder in folders if processes.working_in(folder)]

    def down(self) -> None:
        """Leave nothing."""
        for run in self.started:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
            run.communicate()
        services.down(settings.resolve(self.root))


@pytest.fixture
def course(tmp_path: Path) -> Iterator[Course]:
    """A checkout."""
    made = Course(tmp_path / "course")
    yield made
    made.down()


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Course]:
    """Another checkout on the same machine."""
    made = Course(tmp_path / "another")
    yield made
    made.down()
