"""
Adding a service takes its own file and a line of the catalogue: here one that echoes is added to a copy of
the kit, and then started, used, broken, kept, looked at and stopped like any other.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pytest_labkit

ECHO = '''
"""Echo: a server that sends back every line that it gets."""

import socket
import sys
from urllib.parse import urlsplit

from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.recipes import ContainerRecipe, ExternalRecipe, ProcessRecipe, Program, Server
from pytest_labkit.services.service import Release, Requirement, Service

RELEASE = Release("Echo", "1.0", "echo:1.0", None)
AWAITED = "a line sent and received"
SERVER = """
import socketserver, sys
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
Server(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
"""


def endpoint(url, backend):
    return Endpoint("echo", backend, RELEASE.version, url, {"ECHO_URL": url})


def probe(endpoint, *, timeout_s=3.0):
    place = urlsplit(endpoint.address)
    with socket.create_connection((place.hostname, place.port), timeout_s) as connection:
        connection.sendall(b"hello\\n")
        if connection.recv(6) != b"hello\\n":
            raise RuntimeError("a line was sent and did not come back")


def processes(_settings, _brokers, _say):
    def prepare(_folder, ports, _options):
        program = Program([sys.executable, "-c", SERVER, str(ports[0])], ports[0], "echo.log")
        return [program], endpoint(f"echo://127.0.0.1:{ports[0]}", "local")

    return ProcessRecipe(1, prepare, probe, AWAITED, deadline_s=30)


def containers(_settings):
    where = lambda ports: endpoint(f"echo://127.0.0.1:{ports[0]}", "docker")
    return ContainerRecipe(RELEASE.image, lambda _brokers: [Server("echo", 7)], where, deadline_s=30)


SERVICE = Service(
    name="echo",
    variable="ECHO_URL",
    gives="a running Echo",
    release=lambda _settings: RELEASE,
    probe=probe,
    awaited=AWAITED,
    processes=processes,
    containers=containers,
    external=ExternalRecipe(
        ("ECHO_URL",), "echo://127.0.0.1:7", lambda url, _environ: endpoint(url, "external")
    ),
    runs_on=lambda _settings: "Python",
    requirements=(Requirement("python", lambda _settings: f"found at {sys.executable}"),),
    schemes={"echo": 7},
)
'''

LAB = """
id = "tiny"
title = "A tiny lab"
answers = ["client.py"]
services = ["echo"]
parts = [{id = "A", title = "Echoes", minutes = 5}]
criteria = [
  {id = "A1", part = "A", title = "a line comes back", points = 1},
  {id = "A2", part = "A", title = "an outage is told", points = 1},
]
"""

TESTS = '''
import pytest
from pytest_labkit import expect

@pytest.mark.criterion("A1")
def test_a_line(answers, echo):
    """A line comes back."""
    expect.equal("hello", answers.client.echoed("hello"))

@pytest.mark.criterion("A2")
def test_an_outage(answers, echo, faults):
    """While the server is killed nothing comes back, afterwards it does."""
    with faults.echo.killed():
        expect.equal("nothing", answers.client.echoed("hello"))
    expect.equal("hello", answers.client.echoed("hello"))
'''

CLIENT = """
import os
import socket
from urllib.parse import urlsplit

def echoed(line):
    place = urlsplit(os.environ["ECHO_URL"])
    try:
        with socket.create_connection((place.hostname, place.port), 5) as connection:
            connection.sendall(line.encode() + b"\\n")
            return connection.makefile().readline().strip() or "nothing"
    except OSError:
        return "nothing"
"""

Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the kit, one file added and one changed."""
    folder = tmp_path_factory.mktemp("kit")
    package = folder / "pytest_labkit"
    here = Path(pytest_labkit.__file__).parent
    shutil.copytree(here, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "services" / "echo.py").write_text(ECHO)
    catalogue = package / "services" / "catalogue.py"
    text = catalogue.read_text("utf-8")
    assert 2 == text.count("search.SERVICE)") + text.count("import dynamodb, kafka,")
    text = text.replace("import dynamodb, kafka,", "import dynamodb, echo, kafka,")
    catalogue.write_text(text.replace("search.SERVICE)", "search.SERVICE, echo.SERVICE)"), "utf-8")
    return folder


@pytest.fixture
def run(kit: Path, tmp_path: Path) -> Iterator[Run]:
    """Runs a program of that kit in a checkout with a lab that uses Echo; its exit code and output."""
    lab = tmp_path / "labs" / "tiny"
    lab.mkdir(parents=True)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    for folder in (lab, lab.parent):
        (folder / "__init__.py").touch()
    for name, text in (("lab.toml", LAB), ("test_echo.py", TESTS), ("client.py", CLIENT)):
        (lab / name).write_text(text)
    environ = {**os.environ, "PYTHONPATH": str(kit), "LABKIT_BACKEND": "local"}

    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-P", "-m", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stdout + done.stderr

    yield run
    run("pytest_labkit.cli", "down")


def test_a_lab_s_tests_have_a_fixture_and_faults_of_it(run: Run) -> None:
    """It is started for the run, killed by a test, started again, and stopped in the end."""
    code, said = run("pytest", "labs/tiny")
    assert 0 == code, said
    assert "echo 1.0" in said


def test_up_keeps_it_until_down(run: Run) -> None:
    """The commands name it, and doctor looks at what it needs."""
    code, said = run("pytest_labkit.cli", "up", "tiny")
    assert 0 == code, said
    assert "✓ echo 1.0 (local) at echo://127.0.0.1:" in said
    assert "  export ECHO_URL=echo://127.0.0.1:" in said
    code, said = run("pytest_labkit.cli", "status")
    assert 0 == code, said
    assert said.startswith("✓ echo 1.0 (local) at ")
    code, said = run("pytest_labkit.cli", "doctor")
    assert f"✓ python                  found at {sys.executable}" in said, said
    assert "✓ echo kept by labkit up  local, echo://127.0.0.1:" in said
    assert (0, "echo is stopped\n") == run("pytest_labkit.cli", "down")


def test_external_asks_where_it_is(run: Run) -> None:
    """The message names its variable, with an example."""
    code, said = run("pytest", "labs/tiny", "--lab-backend", "external")
    assert 4 == code
    assert "Say where echo runs, for instance ECHO_URL=echo://127.0.0.1:7" in said


def test_who_asks_for_no_fixture_has_no_faults(run: Run, tmp_path: Path) -> None:
    """The message names the fixture."""
    tests = TESTS.replace("(answers, echo, faults)", "(answers, faults)")
    (tmp_path / "labs" / "tiny" / "test_echo.py").write_text(tests)
    assert 20 == run("pytest", "labs/tiny")[0]
    report = json.loads((tmp_path / ".labkit" / "reports" / "tiny" / "report.json").read_text("utf-8"))
    got = report["criteria"][1]["message"]["got"]
    assert got.startswith("A test that uses faults.echo has to ask for the fixture echo too.")
