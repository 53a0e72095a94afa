"""
Services as ordinary processes of this machine, on 127.0.0.1: the real servers, without Docker or root.

A service that is started for a run is noted in `.labkit/run/` from its first moment, and `guard`
ends it should the run be killed. What it writes lies in a temporary folder that goes with it.
"""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pytest_labkit.domain.errors import KitError, ServiceFailed
from pytest_labkit.host import processes
from pytest_labkit.host.processes import Identity
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import guard, wait
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.catalogue import NAMES, SERVICES
from pytest_labkit.services.jvm import archives, download, java
from pytest_labkit.services.jvm.archives import Archive
from pytest_labkit.services.members import ProcessMember
from pytest_labkit.services.recipes import ProcessRecipe, Program
from pytest_labkit.services.service import Say

PORT_TRIES = 5

_LAST_WORDS_S = 180.0  # for a JVM to write what it noted, or an archive: 5 s on an idle machine


def available(settings: Settings, services: Collection[str] = NAMES) -> str | None:
    """`None` if *services* can run on this machine, else one sentence that says why not."""
    try:
        for service in map(SERVICES.__getitem__, services):
            service.runs_on(settings)
            if files := service.release(settings).files:
                download.artifacts(files)
    except KitError as problem:
        return problem.what
    return None


def start(
    service: str, settings: Settings, *, brokers: int = 1, say: Say = lambda _: None, keep: bool = False
) -> Local:
    """
    Start *service* and wait until a round trip has worked; *brokers* is for Kafka alone.

    With *keep* it outlives this process; without, it ends with it at the latest. A service that dies
    while it starts is started again on other ports: once, or up to `PORT_TRIES` times while its log
    says that another program took its port just then.

    Raises:
        ServiceFailed: It died each time, or did not answer in time.
        KitError: Its program is not to be had, or its files cannot be written.
    """
    return start_by(
        SERVICES[service].processes(settings, brokers, say), service, settings, say=say, keep=keep
    )


def start_by(
    recipe: ProcessRecipe, service: str, settings: Settings, *, say: Say = lambda _: None, keep: bool = False
) -> Local:
    """As `start`, for whatever *recipe* is of; *service* is its name in messages and notes."""
    archive = recipe.archive
    options = _archive_options(service, archive, settings, say) if archive else []
    for attempt in itertools.count(1):
        try:
            running = _attempt(service, recipe, settings, options, keep=keep)
        except ServiceFailed as failed:
            lost_its_port = any("already in use" in line for line in failed.log_tail)
            if failed.exit_status is None or attempt >= (PORT_TRIES if lost_its_port else 2):
                raise
            if archive and options and not lost_its_port:  # it may have died of it
                archives.discard(archive)
                options = []
            say(f"{failed.what}\nStarting {service} once more, on another port.")
        except OSError as error:
            raise KitError(
                f"{service} cannot be started: {error.strerror or error}.",
                "Run: labkit doctor. It looks at the disk, the temporary folder and memory.",
            ) from error
        else:
            if archive and options and not java.used_archive(running.first_words()):
                archives.discard(archive)
            return running
    raise AssertionError  # count() does not end


def _archive_options(service: str, archive: Archive, settings: Settings, say: Say) -> list[str]:
    """The options that make it start from *archive*, which is made now if there is none."""

    def make(part: Path) -> None:
        alone = SERVICES[service].processes(settings, 1, say)  # one broker notes what each of three would
        _make_archive(service, alone, archive, part, settings)

    return archives.options(archive, make, say)


def _make_archive(
    service: str, recipe: ProcessRecipe, archive: Archive, part: Path, settings: Settings
) -> None:
    """Make *archive* at *part*: of what a start of *service* notes, which serves for nothing else."""
    jvm, notes = archive.java, Path("classes.notes")  # in the service's folder, and removed with it
    started = _attempt(service, recipe, settings, jvm.noting(notes))
    try:
        processes.stop(started.processes, grace_s=_LAST_WORDS_S)
        for options in jvm.archiving(notes, part), [*jvm.insisting(part), "-version"]:
            command = [*jvm.command, "-cp", java.class_path(archive.class_path), *options]
            started.finish(Program(command, 0, "archive.log"), settings.environ)
    finally:
        started.stop()


def _attempt(
    service: str,
    recipe: ProcessRecipe,
    settings: Settings,
    options: Sequence[str] = (),
    *,
    keep: bool = False,
) -> Local:
    began = time.monotonic()
    running, programs = _prepared(service, recipe, settings, options)
    try:
        for program in programs:
            running.launch(program, settings.environ)
        _await(running, programs, recipe, service)
    except BaseException:
        running.stop()
        raise
    running.endpoint = replace(running.endpoint, ready_s=round(time.monotonic() - began, 3))
    if keep:
        running.outlive()
    return running


def _prepared(
    service: str, recipe: ProcessRecipe, settings: Settings, options: Sequence[str]
) -> tuple[Local, list[Program]]:
    """*service* with a folder to start from, noted and not started yet; and its programs."""
    note, folder = guard.announce(settings.root, service, settings.environ)
    try:
        programs, endpoint = recipe.prepare(folder, processes.free_ports(recipe.ports), options)
    except BaseException:
        guard.end([], folder, note)
        raise
    return Local(endpoint, folder, note), programs


def _await(running: Local, programs: Sequence[Program], recipe: ProcessRecipe, service: str) -> None:
    wait.until(
        lambda: running.prove(programs, recipe.probe),
        deadline_s=recipe.deadline_s,
        service=service,
        awaited=recipe.awaited,
        alive=running.alive,
        log_tail=running.log_tail,
        exit_status=running.exit_status,
        hint=recipe.hint,
    )


def find(description: Mapping[str, Any], settings: Settings) -> Local | None:  # noqa: ARG001 - as every backend
    """The service that `Local.describe` described; `None` if nothing is left of it, not even its folder."""
    note = description["note"]
    found = Local(
        Endpoint(**description["endpoint"]),
        Path(description["folder"]),
        Path(note) if note else None,
        [Identity(pid=p["pid"], started=p["started"]) for p in description["processes"]],
        list(description["logs"]),
        list(description.get("commands", [])),
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
    commands: list[list[str]] = field(default_factory=list)
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list, repr=False)

    def launch(self, program: Program, environ: Mapping[str, str]) -> None:
        """Start *program* as one of its processes."""
        child = processes.spawn(
            program.command, folder=self.folder, log=self.folder / program.log, environ=environ
        )
        self._children.append(child)
        self.processes.append(processes.identity(child.pid))
        self.logs.append(program.log)
        self.commands.append(list(program.command))
        if self.note is not None:
            guard.write(self.note, self.describe(), guard.owner(environ))

    def finish(self, program: Program, environ: Mapping[str, str]) -> None:
        """Run *program* to its end, ended with the service should this run be killed; raises if it fails."""
        self.launch(program, environ)
        status = self._children[-1].wait(_LAST_WORDS_S)
        if status != 0:
            said = processes.tail(self.folder / program.log, 1)
            raise KitError(
                f"{Path(program.command[0]).name} ended with exit status {status}: {' '.join(said)}"
            )

    def outlive(self) -> None:
        """Let it go on after this process, once it is `settled`."""
        for child in self._children:
            processes.outlives(child)

    def settled(self) -> None:
        """It stands in a state file: no run owns it any more."""
        if self.note is not None:
            self.note.unlink(missing_ok=True)
        self.note = None

    def prove(self, programs: Sequence[Program], probe: Callable[[Endpoint], None]) -> None:
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
            "commands": self.commands,
        }

    def alive(self) -> bool:
        """Whether all its processes run."""
        return all(processes.find(process) for process in self.processes)

    def exit_status(self) -> int | None:
        """The exit status of the first of its processes that ended, if it is a child of this one."""
        found = map(processes.exit_status, self._children)
        return next((status for status in found if status is not None), None)

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

    def first_words(self) -> str:
        """The start of what its first process logged, where a JVM says what it is."""
        with suppress(OSError), (self.folder / self.logs[0]).open("rb") as log:
            return log.read(4096).decode("utf-8", "replace")
        return ""

    def members(self) -> list[ProcessMember]:
        """Each of its processes."""
        return [
            ProcessMember(process, command, self.folder / log, partial(self._replace, number))
            for number, (process, command, log) in enumerate(
                zip(self.processes, self.commands, self.logs, strict=True)
            )
        ]

    def _replace(self, number: int, child: subprocess.Popen[bytes]) -> None:
        """*child* has taken the place of the process *number*."""
        self.processes[number] = processes.identity(child.pid)
        self._children = [*(c for c in self._children if c.poll() is None), child]
        if self.note is not None and self.note.exists():
            guard.rewrite(self.note, self.describe())
        else:  # `labkit up` keeps it
            processes.outlives(child)

    def stop(self) -> None:
        """End its processes and remove its folder."""
        guard.end(self.processes, self.folder, self.note)
        for child in self._children:
            with suppress(subprocess.TimeoutExpired):  # its last threads may take a moment after it has ended
                child.wait(timeout=5)
