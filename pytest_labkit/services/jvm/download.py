"""
The servers' jars, which `jars.lock` names with their SHA-256 sums: files of a Maven repository.

They lie in the cache folder under their Maven paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pytest_labkit.host.settings import Settings
from pytest_labkit.services import transfer
from pytest_labkit.services.transfer import Artifact, Repository, Say

_LOCK = Path(__file__).with_name("jars.lock")


@cache
def _lock() -> dict[str, tuple[Artifact, ...]]:
    """The sections of `jars.lock`."""
    sections: dict[str, list[Artifact]] = {}
    for line in _LOCK.read_text("utf-8").splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            sha256, path = line.split()
            current.append(Artifact(path, sha256))
    return {name: tuple(artifacts) for name, artifacts in sections.items()}


def artifacts(server: str) -> tuple[Artifact, ...]:
    """The files that *server* (`"kafka"`, `"opensearch"`, `"elasticsearch"`) consists of."""
    return _lock()[server]


def folder(settings: Settings) -> Path:
    """Where the jars lie, in the cache that all checkouts of this user share."""
    return settings.cache / "jars"


def fetch(wanted: Sequence[Artifact], settings: Settings, say: Say, *, what: str) -> list[Path]:
    """The files of *wanted*, as `transfer.fetch` gives them; *what* names the whole in messages."""
    maven = Repository(lambda: settings.maven_url or _maven_central(), folder(settings), "LABKIT_MAVEN_URL")
    return transfer.fetch(wanted, maven, say, what=what, offline=settings.offline)


def missing(wanted: Sequence[Artifact], target: Path) -> list[Artifact]:
    """Those of *wanted* that are not in *target*, or are there with another content."""
    return transfer.missing(wanted, target)


def _maven_central() -> str:
    from jgo.constants import MAVEN_CENTRAL_URL

    return str(MAVEN_CENTRAL_URL)
