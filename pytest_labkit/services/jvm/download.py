"""
The servers' jars: downloaded once per machine, and checked against pinned SHA-256 sums on every use.

`jars.lock` names them. They lie in the cache folder under their Maven paths; a download in progress
ends in `.part` and is gone on with where it stopped.
"""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import concurrently
from pytest_labkit.host.settings import Settings
from pytest_labkit.services.jvm.progress import Progress, counted

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

ATTEMPTS = 4
_AT_ONCE = 8
_BLOCK = 1 << 16
_LOCK = Path(__file__).with_name("jars.lock")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Artifact:
    """A file of a Maven repository, and the SHA-256 that it has to have."""

    path: str
    sha256: str

    def __str__(self) -> str:
        return self.path.rpartition("/")[2]


class _Interrupted(Exception):
    """The connection or the server failed; another attempt may go better."""


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
    """
    The files that *server* (`"kafka"`, `"dynamodb"`, `"opensearch"`, `"elasticsearch"`) consists of here.

    Raises:
        KitError: It has a native library, and none for this kind of machine.
    """
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    here = f"{server} {platform.system().lower()}-{machine}"
    sections = _lock()
    native = [name for name in sections if name.startswith(f"{server} ")]
    if native and here not in sections:
        raise KitError(
            f"{server} cannot run as a process on this machine: its native library exists for "
            f"{' and '.join(name.partition(' ')[2] for name in native)}, not for {here.partition(' ')[2]}.",
            "Use --lab-backend docker.",
        )
    return sections[server] + sections.get(here, ())


def folder(settings: Settings) -> Path:
    """Where the jars lie, in the cache that all checkouts of this user share."""
    return settings.cache / "jars"


def fetch(wanted: Sequence[Artifact], settings: Settings, say: Say, *, what: str) -> list[Path]:
    """
    The files of *wanted*, downloaded where they are missing or damaged, each checked by its SHA-256.

    Safe beside other runs: one downloads, the others wait for it. *what* names the whole in messages.

    Raises:
        KitError: They are not all there and cannot be downloaded, or the cache cannot be written.
    """
    target = folder(settings)
    if missing(wanted, target):
        try:
            target.mkdir(parents=True, exist_ok=True)
            with _alone(target, say):
                # Asked again: whoever held the lock may have downloaded these.
                _download(missing(wanted, target), target, settings, say, what)
        except OSError as error:
            raise KitError(
                f"The download of {what} cannot be stored in {target}: {error.strerror or error}.",
                "Make room or give yourself access there, or name another folder with LABKIT_CACHE.",
            ) from error
    return [target / artifact.path for artifact in wanted]


def missing(wanted: Sequence[Artifact], target: Path) -> list[Artifact]:
    """Those of *wanted* that are not in *target*, or are there with another content."""
    bad: set[Artifact] = set()

    def check(artifact: Artifact) -> None:
        if not _is_good(target / artifact.path, artifact):
            bad.add(artifact)

    concurrently.each(check, wanted, at_once=_AT_ONCE)
    return [artifact for artifact in wanted if artifact in bad]


def _is_good(file: Path, artifact: Artifact) -> bool:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == artifact.sha256
    except OSError:
        return False


@contextmanager
def _alone(target: Path, say: Say) -> Iterator[None]:
    """Hold the cache's lock, so that one process at a time downloads into it."""
    lock = FileLock(target / "download.lock")
    try:
        lock.acquire(timeout=0.1)
    except Timeout:
        say("waiting for another run that downloads the same")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _download(wanted: Sequence[Artifact], target: Path, settings: Settings, say: Say, what: str) -> None:
    if not wanted:
        return
    if settings.offline:
        raise KitError(
            f"{what} is not all in {target} (missing: {counted(len(wanted))}), and LABKIT_OFFLINE is set.",
            "Unset LABKIT_OFFLINE and run once with a network, or use --lab-backend docker or external.",
        )
    with _connections() as pool, Progress(what, len(wanted), say) as progress:
        transfer = _Transfer(pool, settings.maven_url or _maven_central(), target, progress)
        concurrently.each(transfer.get, wanted, at_once=_AT_ONCE)


def _connections() -> PoolManager:
    import urllib3

    return urllib3.PoolManager(maxsize=_AT_ONCE, retries=False, timeout=urllib3.Timeout(connect=10, read=30))


def _maven_central() -> str:
    from jgo.constants import MAVEN_CENTRAL_URL

    return str(MAVEN_CENTRAL_URL)


@dataclass(frozen=True)
class _Transfer:
    """Gets artifacts from the repository at *url* into *target*."""

    pool: PoolManager
    url: str
    target: Path
    progress: Progress

    def get(self, artifact: Artifact) -> None:
        """Download *artifact*, going on after interruptions, and put it in place once its sum is right."""
        file = self.target / artifact.path
        part = file.with_name(file.name + ".part")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)  # it is damaged, or it would not be asked for
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._append(artifact, part)
            except _Interrupted as problem:
                if attempt == ATTEMPTS:
                    raise self._failed(artifact, str(problem)) from problem
                time.sleep(0.2 * 2**attempt)
                continue
            if _is_good(part, artifact):
                part.replace(file)
                self.progress.file_done()
                return
            part.unlink()  # nothing in it can be trusted: from the start
        raise self._failed(artifact, "what arrives does not have the SHA-256 that is pinned")

    def _append(self, artifact: Artifact, part: Path) -> None:
        """Bring *part* to its full length from where it ends."""
        from urllib3.exceptions import HTTPError

        have = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        try:
            answer = self.pool.request(
                "GET", f"{self.url.rstrip('/')}/{artifact.path}", headers=headers, preload_content=False
            )
            try:
                self._store(answer, part, resumed=have > 0)
            finally:
                answer.close()
        except HTTPError as error:
            raise _Interrupted(f"{type(error).__name__}: {error}") from error

    def _store(self, answer: BaseHTTPResponse, part: Path, *, resumed: bool) -> None:
        if answer.status == 416 and resumed:
            return  # there is nothing after what is there: whole, or wrong, as its sum will tell
        if answer.status not in (200, 206):
            raise _Interrupted(f"the server answers {answer.status} {answer.reason or ''}".rstrip())
        with part.open("ab" if answer.status == 206 else "wb") as file:
            for block in answer.stream(_BLOCK):
                file.write(block)
                self.progress.received(len(block))

    def _failed(self, artifact: Artifact, why: str) -> KitError:
        return KitError(
            f"{artifact} cannot be downloaded from {self.url}: {why}.",
            "Check the network, or set LABKIT_MAVEN_URL to a repository that you reach, and run again: it "
            "goes on where it stopped. Without a network, use --lab-backend docker or external.",
        )
