"""
Services as ordinary processes of this machine, on 127.0.0.1: the real servers, without Docker or root.

A service that is started for a run is noted in `.labkit/run/` from its first moment, and `guard`
ends it should the run be killed. What it writes lies in a temporary folder that goes with it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_labkit.errors import KitError, ServiceFailed
from pytest_labkit.services import download, dynamodb, guard, java, kafka, processes, redis, versions, wait
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.processes import Identity
from pytest_labkit.settings import Settings

Say = Callable[[str], None]


@dataclass(frozen=True)
class _Program:
    """A process to start: its command, the port it will listen on, and the name of its log."""

    command: Sequence[str]
    port: int
    log: str


@dataclass(frozen=True)
class _Recipe:
    """
    How one service is started on this machine.

    *ports* is how many it needs; *prepare* writes what it starts from into a folder and gives the
    programs and the endpoint; *probe* proves that the endpoint works, *awaited* says how.
    """

    ports: int
    prepare: Callable[[Path, list[int]], tuple[list[_Program], Endpoint]]
    probe: Callable[[Endpoint], None]
    awaited: str
    deadline_s: float


def available(settings: Settings) -> str | None:
    """`None` if services can run on this machine, else one sentence that says why not."""
    try:
        java.find(settings.environ)
        redis.find_server(settings.environ)
        download.artifacts("dynamodb")
    except KitError as problem:
        return problem.what
    return None


def start(
    service: str, settings: Settings, *, brokers: int = 1, say: Say = lambda _: None, keep: bool = False
) -> Local:
    """
    Start *service* and wait until a round trip has worked; *brokers* is for Kafka alone.

    With *keep* it outlives this process; without, it ends with it at the latest. A service that dies
    while it starts is started once more on other ports, in case its port was taken just then.

    Raises:
        ServiceFailed: It died twice, or did not answer in time.
        KitError: Its program is not to be had.
    """
    recipe = _RECIPES[service](settings, brokers, say)
    try:
        return _attempt(service, recipe, settings, keep)
    except ServiceFailed as failed:
        if failed.exit_status is None:
            raise
        say(f"{failed.what}\nStarting {service} once more, on another port.")
        return _attempt(service, recipe, settings, keep)


def _attempt(service: str, recipe: _Recipe, settings: Settings, keep: bool) -> Local:
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix=f"{guard.PREFIX}{service}-"))
    programs, endpoint = recipe.prepare(folder, processes.free_ports(recipe.ports))
    running = Local(endpoint, folder, guard.new_note(settings.root, service))
    try:
        for program in programs:
            running.launch(program, settings.environ)
        wait.until(
            lambda: running.prove(programs, recipe.probe),
            deadline_s=recipe.deadline_s,
            service=service,
            awaited=recipe.awaited,
            alive=running.alive,
            log_tail=running.log_tail,
            exit_status=running.exit_status,
            hint="Run: labkit doctor. It looks at Java, memory, disk and ports.",
        )
    except BaseException:
        running.stop()
        raise
    running.endpoint = replace(endpoint, ready_s=round(time.monotonic() - began, 3))
    if keep:
        running.release()
    return running


def find(description: Mapping[str, Any], settings: Settings) -> Local | None:  # noqa: ARG001 - as every backend
    """The service that `Local.describe` described; `None` if nothing is left of it, not even its folder."""
    note = description["note"]
    found = Local(
        Endpoint(**description["endpoint"]),
        Path(description["folder"]),
        Path(note) if note else None,
        [Identity(pid=p["pid"], started=p["started"]) for p in description["processes"]],
        list(description["logs"]),
    )
    return found if found.folder.is_dir() or found.alive() else None


@dataclass
class Local:
    """
    A service that runs as one or more processes; of a cluster of brokers, one each.

    *folder* holds all it writes; *note* is the file in `.labkit/run/` that says it belongs to a run.
    """

    endpoint: Endpoint
    folder: Path
    note: Path | None = None
    processes: list[Identity] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list, repr=False)

    def launch(self, program: _Program, environ: Mapping[str, str]) -> None:
        """Start *program* as one of its processes."""
        child = processes.spawn(
            program.command, folder=self.folder, log=self.folder / program.log, environ=environ
        )
        self._children.append(child)
        self.processes.append(processes.identity(child.pid))
        self.logs.append(program.log)
        if self.note is not None:
            guard.write(self.note, self.describe(), guard.owner(environ))

    def release(self) -> None:
        """Let it outlive this process."""
        if self.note is not None:
            self.note.unlink(missing_ok=True)
        self.note = None
        for child in self._children:
            processes.outlives(child)

    def prove(self, programs: Sequence[_Program], probe: Callable[[Endpoint], None]) -> None:
        """Raises unless its own processes listen where they should and *probe* works."""
        for process, program in zip(self.processes, programs, strict=True):
            if not processes.listens(process["pid"], program.port):
                raise ConnectionError(f"it does not listen on port {program.port}")
        probe(self.endpoint)

    def describe(self) -> dict[str, Any]:
        """JSON that `find` finds this service by."""
        return {
            "service": self.endpoint.service,
            "backend": "local",
            "endpoint": asdict(self.endpoint),
            "folder": str(self.folder),
            "note": str(self.note) if self.note else None,
            "processes": list(self.processes),
            "logs": self.logs,
        }

    def alive(self) -> bool:
        """Whether all its processes run."""
        return all(processes.find(process) for process in self.processes)

    def exit_status(self) -> int | None:
        """The exit status of the first of its processes that ended, if it is a child of this one."""
        return next((code for child in self._children if (code := child.poll()) is not None), None)

    def log_tail(self, lines: int = 20) -> list[str]:
        """The last lines logged; of a cluster, the last of each broker, named, those that ended first."""
        if len(self.logs) == 1:
            return processes.tail(self.folder / self.logs[0], lines)
        gone = [
            log for log, process in zip(self.logs, self.processes, strict=True) if not processes.find(process)
        ]
        shown = gone or self.logs
        return [
            f"{Path(log).stem}: {line}"
            for log in shown
            for line in processes.tail(self.folder / log, lines // len(shown))
        ]

    def stop(self) -> None:
        """End its processes and remove its folder."""
        guard.end(self.processes, self.folder, self.note)
        for child in self._children:
            with suppress(subprocess.TimeoutExpired):  # its last threads may take a moment after it has ended
                child.wait(timeout=5)


def _redis(settings: Settings, _brokers: int, _say: Say) -> _Recipe:
    server = redis.find_server(settings.environ)
    version = redis.program_version(server)

    def prepare(folder: Path, ports: list[int]) -> tuple[list[_Program], Endpoint]:
        command = redis.command(server, port=ports[0], folder=folder)
        endpoint = redis.endpoint(f"redis://127.0.0.1:{ports[0]}/0", backend="local", version=version)
        return [_Program(command, ports[0], "redis.log")], endpoint

    return _Recipe(1, prepare, redis.probe, redis.AWAITED, deadline_s=30)


def _dynamodb(settings: Settings, _brokers: int, say: Say) -> _Recipe:
    found = java.find(settings.environ)
    files = download.fetch(
        download.artifacts("dynamodb"), settings, say, what=f"DynamoDB Local {versions.DYNAMODB}"
    )
    native = next(file.parent for file in files if file.suffix != ".jar")

    def prepare(_folder: Path, ports: list[int]) -> tuple[list[_Program], Endpoint]:
        class_path = _class_path([dynamodb.LAUNCHER, *files])
        command = dynamodb.command(found.command, class_path=class_path, native=native, port=ports[0])
        endpoint = dynamodb.endpoint(
            f"http://127.0.0.1:{ports[0]}", backend="local", version=versions.DYNAMODB
        )
        return [_Program(command, ports[0], "dynamodb.log")], endpoint

    return _Recipe(1, prepare, dynamodb.probe, dynamodb.AWAITED, deadline_s=90)


def _kafka(settings: Settings, brokers: int, say: Say) -> _Recipe:
    found = java.find(settings.environ)
    files = download.fetch(download.artifacts("kafka"), settings, say, what=f"Apache Kafka {versions.KAFKA}")

    def prepare(folder: Path, ports: list[int]) -> tuple[list[_Program], Endpoint]:
        nodes = [kafka.Node(i + 1, *ports[2 * i : 2 * i + 2]) for i in range(brokers)]
        cluster_id = kafka.random_id()
        programs = []
        for node in nodes:
            home = folder / f"broker-{node.id}"
            kafka.prepare(home, node, nodes, cluster_id=cluster_id)
            command = kafka.command(found.command, class_path=_class_path(files), folder=home)
            programs.append(_Program(command, node.port, f"broker-{node.id}.log"))
        addresses = [node.address for node in nodes]
        return programs, kafka.endpoint(addresses, backend="local", version=versions.KAFKA)

    return _Recipe(2 * brokers, prepare, kafka.probe, kafka.AWAITED, deadline_s=120 + 30 * brokers)


def _class_path(files: Sequence[Path]) -> str:
    return os.pathsep.join(str(file) for file in files if file.suffix == ".jar")


_RECIPES: Mapping[str, Callable[[Settings, int, Say], _Recipe]] = {
    "kafka": _kafka,
    "dynamodb": _dynamodb,
    "redis": _redis,
}
