"""
What is written down about services, so that another process finds them again.

One file per checkout for what `labkit up` keeps, and one per pytest-xdist run for what its workers
share. Written under a lock, replaced whole: reading needs no lock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from pytest_labkit.host import processes
from pytest_labkit.host.processes import Identity
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import guard
from pytest_labkit.services.guard import replace_file


class Registry:
    """
    Descriptions of running services in the JSON file *file*, by service.

    A book may also have members: the processes that use its services. One that is unreadable is empty.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing it meanwhile, however long that takes."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.file.with_suffix(".lock")):
            yield

    def services(self) -> dict[str, dict[str, Any]]:
        """The descriptions of the services in it."""
        return dict(self._read()["services"])

    def put(self, description: Mapping[str, Any]) -> None:
        """Add or replace a service."""
        self._write(services=self.services() | {description["service"]: dict(description)})

    def drop(self, service: str) -> None:
        """Remove a service, if it is there."""
        self._write(services={name: told for name, told in self.services().items() if name != service})

    def join(self, member: Identity) -> None:
        """Make *member* one of those who use it."""
        self._write(members=[*self._others(member), member])

    def leave(self, member: Identity) -> bool:
        """Strike *member* out; whether it was the last one that still runs."""
        others = self._others(member)
        self._write(members=others)
        return not others

    def remove(self) -> None:
        """Throw it away."""
        self.file.unlink(missing_ok=True)

    def _others(self, member: Identity) -> list[Identity]:
        return [other for other in self._read()["members"] if other != member and processes.find(other)]

    def _read(self) -> dict[str, Any]:
        try:
            said = json.loads(self.file.read_text("utf-8"))
            return {"services": dict(said["services"]), "members": list(said["members"])}
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return {"services": {}, "members": []}

    def _write(self, **changes: Any) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self.file, self._read() | changes)


def kept(root: Path) -> Registry:
    """What `labkit up` keeps for the checkout at *root*."""
    return Registry(root / ".labkit" / "services.json")


def shared(settings: Settings, run: str) -> Registry:
    """What the workers of the pytest-xdist run with the id *run* share; the name says whose run it is."""
    owner = processes.tag(guard.owner(settings.environ))
    return Registry(settings.root / ".labkit" / "shared" / f"{run}-{owner}.json")


def sweep_shared(root: Path) -> None:
    """Remove what runs that are gone shared, locks included."""
    for file in (root / ".labkit" / "shared").glob("*"):
        owner = processes.owner_of(file.name)
        if owner is not None and processes.find(owner) is None:
            file.unlink(missing_ok=True)


def docker_is_used(settings: Settings) -> None:
    """Remember that there may be containers of this checkout: only then does a sweep ask the daemon."""
    sign = docker_sign(settings)
    sign.parent.mkdir(parents=True, exist_ok=True)
    sign.touch()


def docker_sign(settings: Settings) -> Path:
    """The file that is there once containers of this checkout were started."""
    return settings.root / ".labkit" / "docker"
