"""What the services need of this machine, looked at one by one."""

from __future__ import annotations

import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

from pytest_labkit import __version__
from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import processes
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import docker, local, redis, status
from pytest_labkit.services.backends import PROMPT
from pytest_labkit.services.local import archives, download, java
from pytest_labkit.services.search import ENGINES

_GIB = 1 << 30
_DISK = 1 * _GIB  # the downloads are 0.1; a lab writes some hundred MB
_MEMORY = 1.5 * _GIB  # Kafka, DynamoDB Local and Redis together


@dataclass(frozen=True)
class Check:
    """
    One thing that was looked at: what was found, and what to do about it if it is not *ok*.

    Without a *needed* one that is not ok no service can be had here.
    """

    name: str
    ok: bool
    found: str
    advice: str | None = None
    needed: bool = True


def doctor(settings: Settings) -> list[Check]:
    """Everything that the backends need, and what `labkit up` keeps. Starts and downloads nothing."""
    docker_problem = docker.available(settings, PROMPT)
    local_problem = local.available(settings, PROMPT)
    usable = docker_problem is None or local_problem is None
    return [
        _versions(),
        _check("java", lambda: _java(settings), needed=docker_problem is not None),
        _check("redis-server", lambda: _redis(settings), needed=docker_problem is not None),
        Check(
            "docker",
            docker_problem is None,
            docker_problem or "a daemon answers and has the images, or can pull them",
            "Not needed: services run as processes of this machine." if usable else "Start Docker.",
            needed=not usable,
        ),
        _downloads(settings),
        _check("search", lambda: _search(settings), needed=False),
        _archives(settings),
        _folder("cache", settings.cache),
        _folder("temporary folder", Path(tempfile.gettempdir())),
        _memory(),
        _ports(),
        *_kept(settings),
    ]


def _check(name: str, look: Callable[[], str], *, needed: bool) -> Check:
    try:
        return Check(name, True, look(), needed=needed)
    except KitError as problem:
        return Check(name, False, problem.what, problem.hint, needed)


def _versions() -> Check:
    clients = ", ".join(f"{name} {version(name)}" for name in ("pytest", "boto3", "confluent-kafka", "redis"))
    return Check("versions", True, f"Python {platform.python_version()}, labkit {__version__}, {clients}")


def _java(settings: Settings) -> str:
    found = java.find(settings.environ)
    try:
        ended = subprocess.run([found.program, "-version"], capture_output=True, timeout=30, check=False)
        problem = None if ended.returncode == 0 else f"ends with exit status {ended.returncode}"
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = f"does not run: {error}"
    if problem:
        raise KitError(
            f"{found.program} {problem}.", "Install a JDK 17 or newer, and set JAVA_HOME to its folder."
        )
    return f"{found.version} from {found.source} ({found.program})"


def _redis(settings: Settings) -> str:
    server = redis.find_server(settings.environ)
    return f"{redis.program_version(server)} ({server})"


def _downloads(settings: Settings) -> Check:
    target = download.folder(settings)
    try:
        wanted = [*download.artifacts("kafka"), *download.artifacts("dynamodb")]
    except KitError as problem:
        return Check("downloads", False, problem.what, problem.hint, needed=False)
    lacking = len(download.missing(wanted, target))
    if not lacking:
        return Check(
            "downloads", True, f"Kafka and DynamoDB Local: all {len(wanted)} files are there, verified"
        )
    found = f"{lacking} of {len(wanted)} files of Kafka and DynamoDB Local are still to be downloaded"
    offline = "Unset LABKIT_OFFLINE and run labkit up once with a network."
    return Check(
        "downloads", not settings.offline, found, offline if settings.offline else None, needed=False
    )


def _search(settings: Settings) -> str:
    if (no_docker := docker.available(settings, ["search"])) is None:
        return "Docker has its image, or can pull it"
    engine = ENGINES[settings.search]
    found = java.find(settings.environ, *engine.java)
    wanted = download.artifacts(engine.name)
    lacking = len(download.missing(wanted, download.folder(settings)))
    files = (
        f"{lacking} of {len(wanted)} files are still to be downloaded" if lacking else "all files are there"
    )
    if lacking and settings.offline:
        raise KitError(
            f"{no_docker} {engine.title}: {files}.",
            "Unset LABKIT_OFFLINE and run labkit up once with a network.",
        )
    return f"{engine.title} {engine.version} on Java {found.version}: {files}"


def _archives(settings: Settings) -> Check:
    folder = archives.folder(settings)
    records = archives.found(folder)
    failed = [f"{r['server']}: {r['failed']}" for r in records if "failed" in r]
    if failed:
        advice = (
            f"Servers start some seconds slower. It is tried again a day later, or once {folder} is removed."
        )
        return Check("archives", False, f"could not be made: {'; '.join(failed)}", advice, needed=False)
    made = ", ".join(f"{r['server']} {r['size'] / 1e6:.0f} MB (Java {r['version']})" for r in records)
    return Check("archives", True, made or "none yet: the first start of a server makes them", needed=False)


def _folder(name: str, folder: Path) -> Check:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        advice = "Give yourself access, or name another folder with LABKIT_CACHE or TMPDIR."
        return Check(name, False, f"{folder} cannot be written: {error.strerror}", advice)
    return Check(name, free >= _DISK, f"{folder}, {free / _GIB:.1f} GiB free", "Make room: 1 GiB is wanted.")


def _memory() -> Check:
    free = psutil.virtual_memory().available
    advice = "Close other programs: the servers take about 1 GiB, and up to 4 GiB under load."
    return Check("memory", free >= _MEMORY, f"{free / _GIB:.1f} GiB free", advice, needed=False)


def _ports() -> Check:
    try:
        processes.free_ports(10)
    except OSError as error:
        return Check("ports", False, str(error), "Stop programs that listen on many ports.")
    return Check("ports", True, "free ones on 127.0.0.1 from 20000 to 32767")


def _kept(settings: Settings) -> Iterator[Check]:
    for service in status(settings):
        endpoint = service.endpoint
        found = f"{endpoint.backend}, {endpoint.address}, {'works' if service.works else 'does not answer'}"
        yield Check(
            f"{endpoint.service} kept by labkit up",
            service.works,
            found,
            "Run: labkit up, which starts it anew.",
            needed=False,
        )
