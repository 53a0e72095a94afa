"""What the services need of this machine, looked at one by one."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import psutil

from pytest_labkit import __version__
from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import processes
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import docker, local, status
from pytest_labkit.services.catalogue import BACKGROUND, EAGER, SERVICES
from pytest_labkit.services.jvm import archives, download
from pytest_labkit.services.service import Release, Service

_GIB = 1 << 30
_DISK = 1 * _GIB  # the downloads are 0.1; a lab writes some hundred MB
_MEMORY = 1.5 * _GIB  # Kafka, DynamoDB and Redis together
_ONLINE = "Unset LABKIT_OFFLINE and run labkit up once with a network."


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
    docker_problem = docker.available(settings, EAGER)
    local_problem = local.available(settings, EAGER)
    usable = docker_problem is None or local_problem is None
    return [
        _versions(),
        *_programs(settings, needed=docker_problem is not None),
        Check(
            "docker",
            docker_problem is None,
            docker_problem or "a daemon answers and has the images, or can pull them",
            "Not needed: services run as processes of this machine." if usable else "Start Docker.",
            needed=not usable,
        ),
        _downloads(settings),
        *(_check(name, partial(_background, SERVICES[name], settings), needed=False) for name in BACKGROUND),
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
    libraries = sorted({service.client for service in SERVICES.values() if service.client})
    clients = ", ".join(f"{name} {version(name)}" for name in ("pytest", *libraries))
    return Check("versions", True, f"Python {platform.python_version()}, labkit {__version__}, {clients}")


def _programs(settings: Settings, *, needed: bool) -> list[Check]:
    """What the services that a run starts with need here, each once."""
    wanted = {need.name: need for name in EAGER for need in SERVICES[name].requirements}
    return [
        _check(name, partial(need.look, settings), needed=needed and need.vital)
        for name, need in wanted.items()
    ]


def _downloads(settings: Settings) -> Check:
    releases = [release for name in EAGER if (release := SERVICES[name].release(settings)).files]
    try:
        lacking, count = _lacking(releases, settings)
    except KitError as problem:
        return Check("downloads", False, problem.what, problem.hint, needed=False)
    titles = " and ".join(release.title for release in releases)
    if not lacking:
        return Check("downloads", True, f"{titles}: all {count} files are there, verified")
    found = f"{lacking} of {count} files of {titles} are still to be downloaded"
    return Check(
        "downloads", not settings.offline, found, _ONLINE if settings.offline else None, needed=False
    )


def _lacking(releases: Iterable[Release], settings: Settings) -> tuple[int, int]:
    """How many files of *releases* are not there, of how many."""
    wanted = [file for release in releases if release.files for file in download.artifacts(release.files)]
    return len(download.missing(wanted, download.folder(settings))), len(wanted)


def _background(service: Service, settings: Settings) -> str:
    if (no_docker := docker.available(settings, [service.name])) is None:
        return "Docker has its image, or can pull it"
    release, runs_on = service.release(settings), service.runs_on(settings)
    lacking, count = _lacking([release], settings)
    files = f"{lacking} of {count} files are still to be downloaded" if lacking else "all files are there"
    if lacking and settings.offline:
        raise KitError(f"{no_docker} {release.title}: {files}.", _ONLINE)
    return f"{release.title} {release.version} on {runs_on}: {files}"


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
