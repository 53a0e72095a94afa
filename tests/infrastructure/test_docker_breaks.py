"""Containers: a daemon that dies in a run, a reaper that protects nothing, what `labkit up` has lost."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_labkit import services
from pytest_labkit.host import processes, settings
from pytest_labkit.services import docker, redis, registry
from pytest_labkit.services.docker import owner
from pytest_labkit.services.docker.daemon import connected
from tests.infrastructure.conftest import Course, eventually

pytestmark = pytest.mark.docker

BRIDGE = "labkit-test0"
STARTS = 3


@pytest.fixture(autouse=True)
def _docker_usable() -> None:
    """Skip where Docker cannot be used; fail where it has to be tested (`LABKIT_TEST_DOCKER`)."""
    why_not = docker.available(settings.resolve(Path.cwd()))
    if why_not and os.environ.get("LABKIT_TEST_DOCKER") == "require":
        pytest.fail(f"LABKIT_TEST_DOCKER=require, and Docker cannot be used: {why_not}")
    if why_not:
        pytest.skip(f"Docker cannot be used: {why_not}")


class Daemon:
    """A Docker daemon of this test's own, with the image of Redis, that may be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = f"unix://{folder}/d.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again on what it left; it gives its containerd 15 s, and then up."""
        for _ in range(STARTS):
            self._launch()
            assert eventually(lambda: self.answers() or self.has_ended(), within_s=60), self._log()
            if self.answers():
                return
        raise AssertionError(self._log())

    def _launch(self) -> None:
        folders = {"--data-root": "data", "--exec-root": "exec", "-p": "pid"}
        command = ["dockerd", "-H", self.host, "--bridge", BRIDGE, "--iptables=false", "--ip6tables=false"]
        command += [word for option, name in folders.items() for word in (option, str(self.folder / name))]
        (self.folder / "pid").unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def _log(self) -> str:
        return (self.folder / "log").read_text()[-2000:]

    def has_ended(self) -> bool:
        """Whether its process is gone."""
        return self.process is not None and self.process.poll() is not None

    def answers(self) -> bool:
        """Whether it is there."""
        return 0 == self.docker("info").returncode

    def docker(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The outcome of that docker command."""
        environ = {**os.environ, "DOCKER_HOST": self.host}
        return subprocess.run(["docker", *words], env=environ, capture_output=True, text=True, check=False)

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def end(self) -> None:
        """Leave nothing of it."""
        if self.process is not None and self.process.poll() is not None:
            self.start()
        left = self.docker("ps", "-aq").stdout.split()
        if left:
            self.docker("rm", "-f", *left)
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
        data = str(self.folder / "data")  # a daemon that was killed leaves it mounted on itself
        while 0 == subprocess.run(["umount", data], capture_output=True, check=False).returncode:
            pass


@pytest.fixture
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A second Docker daemon beside the usual one; needs root, dockerd and ip."""
    if os.geteuid() != 0 or not all(shutil.which(program) for program in ("dockerd", "ip")):
        pytest.skip("a second Docker daemon needs root, dockerd and ip")
    folder = tmp_path_factory.mktemp("d")
    subprocess.run(["ip", "link", "add", "name", BRIDGE, "type", "bridge"], check=True)
    subprocess.run(["ip", "addr", "add", "10.213.7.1/24", "dev", BRIDGE], check=True)
    subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True)
    own = Daemon(folder)
    try:
        own.start()
        save = ["docker", "save", redis.RELEASE.image]
        image = subprocess.run(save, capture_output=True, check=True).stdout
        environ = {**os.environ, "DOCKER_HOST": own.host}
        subprocess.run(["docker", "load"], input=image, env=environ, capture_output=True, check=True)
        yield own
    finally:
        own.end()
        subprocess.run(["ip", "link", "del", BRIDGE], check=True)
        shutil.rmtree(folder, ignore_errors=True)


def test_f02_the_daemon_dies_in_a_run(course: Course, daemon: Daemon) -> None:
    """What has finished stays, the rest is unknown, exit code 20; once it is back the next run clears up."""
    environ = {**os.environ, "DOCKER_HOST": daemon.host, "TESTCONTAINERS_RYUK_DISABLED": "true"}
    run = course.until_it_waits("--lab-backend", "docker", environ=environ)
    assert 1 == len(daemon.docker("ps", "-q").stdout.split())
    daemon.kill()
    (course.root / "go").touch()
    said, _ = run.communicate(timeout=100)
    assert 20 == run.returncode, said
    assert {"A1": "passed", "A2": "unknown", "A3": "unknown"} == course.verdicts
    assert course.report["criteria"][1]["message"]["got"].startswith("redis did not answer any more (")
    assert "Traceback" not in said
    daemon.start()
    code, said = course.run("-k", "nothing", environ=environ)
    assert 22 == code, said
    assert [] == daemon.docker("ps", "-aq").stdout.split()


def ours(root: Path) -> list[Mapping[str, Any]]:
    """The usual daemon's containers of the checkout at *root*, but for Ryuk's own."""
    with connected(settings.resolve(root)) as client:
        found = client.api.containers(all=True, filters={"label": f"labkit.root={root}"})
    return [container for container in found if container["Labels"]["labkit.service"] != "ryuk"]


def test_a_run_that_came_to_its_end_was_not_killed(course: Course) -> None:
    """Its Ryuk is still there when the next one begins, and is no sign of a kill."""
    for _ in range(2):
        _, said = course.run("--lab-backend", "docker")
        assert "cleaned up" not in said


def test_f06_a_reaper_that_never_answers(course: Course) -> None:
    """In the place of Ryuk there is another server: it is said, the run goes on, and the next one sweeps."""
    environ = {**os.environ, "RYUK_CONTAINER_IMAGE": redis.RELEASE.image}
    run = course.until_it_waits("--lab-backend", "docker", environ=environ)
    run.kill()
    said, _ = run.communicate(timeout=60)
    assert "Without Ryuk, a killed run's containers stay until the next run." in " ".join(said.split())
    assert 1 == len(ours(course.root))
    (course.root / "go").touch()
    _, said = course.run("-k", "nothing", environ=environ)
    assert "cleaned up after a run that was killed:" in said
    assert "container" in said
    assert [] == ours(course.root)


def test_f07_two_reapers_at_once(course: Course, another: Course) -> None:
    """Two runs call one each at the same moment: no name is in the other's way."""
    runs = [checkout.begin("--lab-backend", "docker") for checkout in (course, another)]
    said = [run.communicate(timeout=200)[0] for run in runs]
    assert [0, 0] == [run.returncode for run in runs], said
    assert not any("Without Ryuk" in text for text in said)
    assert ([], []) == (ours(course.root), ours(another.root))


UP = """
import os, signal, sys
from pathlib import Path
from pytest_labkit import services
from pytest_labkit.host import settings
from pytest_labkit.services import registry
if sys.argv[2] == "killed":
    registry.Registry.put = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
services.up(settings.resolve(Path(sys.argv[1]), options={"backend": "docker"}), ["redis"])
"""


def up(root: Path, how: str) -> int:
    """Run `labkit up` with containers in a process of its own; its exit status."""
    return subprocess.run([sys.executable, "-c", UP, str(root), how], check=False, timeout=120).returncode


@pytest.mark.parametrize("next_", ["down", "run", "up"])
def test_up_that_was_killed_leaves_no_container(course: Course, next_: str) -> None:
    """It had started, and stood in no state file: `labkit down`, the next run and the next up find it."""
    assert -signal.SIGKILL == up(course.root, "killed")
    (lost,) = ours(course.root)
    if next_ == "down":
        services.down(settings.resolve(course.root))
    elif next_ == "run":
        assert "1 container" in course.run("-k", "nothing")[1]  # with processes this time, not containers
    else:
        assert 0 == up(course.root, "well")
    assert lost["Id"] not in [container["Id"] for container in ours(course.root)]


def test_what_up_keeps_stays(course: Course) -> None:
    """It stands in the state file: neither a run nor a sweep takes it; `labkit down` does."""
    assert 0 == up(course.root, "well")
    (kept,) = ours(course.root)
    assert kept["Id"] in registry.kept(course.root).services()["redis"]["containers"]
    course.run("-k", "nothing")
    with connected(settings.resolve(course.root)) as client:
        assert [] == owner.sweep(client, settings.resolve(course.root))
    assert [kept["Id"]] == [container["Id"] for container in ours(course.root)]
    services.down(settings.resolve(course.root))
    assert [] == ours(course.root)


def test_f08_docker_finds_a_port_that_was_taken_meanwhile(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program is quicker, four times: the container gets a fifth port, and none is left over."""
    free = processes.free_ports
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", 0))
        thief.listen()
        taken = iter([thief.getsockname()[1]] * 4)
        monkeypatch.setattr(processes, "free_ports", lambda n: [p] if (p := next(taken, None)) else free(n))
        running = docker.start("redis", replace(settings.resolve(course.root), backend="docker"))
    assert 1 == len(ours(course.root))
    running.stop()
    assert [] == ours(course.root)
