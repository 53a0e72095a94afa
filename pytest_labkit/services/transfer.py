"""
Files of a repository: downloaded once per machine, and checked against their sums on every use.

They lie in the repository's folder of the cache, under the paths that they have there; a download in
progress ends in `.part` and is gone on with where it stopped.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import concurrently
from pytest_labkit.services.progress import Progress, counted

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

ATTEMPTS = 4
_AT_ONCE = 8
_BLOCK = 1 << 16
_SUMS = {"sha256": "SHA-256", "sha512": "SHA-512"}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Artifact:
    """A file of a repository, and the sum that it has to have, in hexadecimal digits."""

    path: str
    sum: str
    algorithm: str = "sha256"

    def __str__(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Repository:
    """
    Where files are had from: *url* gives its address, *folder* is where they are kept.

    *variable* is the environment variable that names another one.
    """

    url: Callable[[], str]
    folder: Path
    variable: str


class _Interrupted(Exception):
    """The connection or the server failed; another attempt may go better."""


def fetch(
    wanted: Sequence[Artifact], repository: Repository, say: Say, *, what: str, offline: bool
) -> list[Path]:
    """
    The files of *wanted*, downloaded where they are missing or damaged, each checked by its sum.

    Safe beside other runs: one downloads, the others wait for it. *what* names the whole in messages.
    With *offline* nothing is downloaded.

    Raises:
        KitError: They are not all there and cannot be downloaded, or the cache cannot be written.
    """
    target = repository.folder
    if missing(wanted, target):
        try:
            target.mkdir(parents=True, exist_ok=True)
            with _alone(target, say):
                # Asked again: whoever held the lock may have downloaded these.
                _download(missing(wanted, target), repository, say, what, offline=offline)
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
            return hashlib.file_digest(content, artifact.algorithm).hexdigest() == artifact.sum
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


def _download(
    wanted: Sequence[Artifact], repository: Repository, say: Say, what: str, *, offline: bool
) -> None:
    if not wanted:
        return
    if offline:
        raise KitError(
            f"{what} is not all in {repository.folder} (missing: {counted(len(wanted))}), "
            "and LABKIT_OFFLINE is set.",
            "Unset LABKIT_OFFLINE and run once with a network, or use --lab-backend docker or external.",
        )
    with _connections() as pool, Progress(what, len(wanted), say) as progress:
        transfer = _Transfer(pool, repository, repository.url().rstrip("/"), progress)
        concurrently.each(transfer.get, wanted, at_once=_AT_ONCE)


def _connections() -> PoolManager:
    import urllib3

    return urllib3.PoolManager(maxsize=_AT_ONCE, retries=False, timeout=urllib3.Timeout(connect=10, read=30))


def read(path: str, repository: Repository) -> bytes:
    """
    What *repository* answers under *path*, to be used at once.

    Raises:
        KitError: It cannot be had.
    """
    from urllib3.exceptions import HTTPError

    url = repository.url().rstrip("/")
    with _connections() as pool:
        try:
            answer = pool.request("GET", f"{url}/{path}", retries=ATTEMPTS - 1, redirect=True)
        except HTTPError as error:
            raise _failed(path, url, repository, f"{type(error).__name__}: {error}") from error
    if answer.status != 200:
        raise _failed(path, url, repository, f"the server answers {answer.status}")
    return answer.data


def _failed(what: object, url: str, repository: Repository, why: str) -> KitError:
    return KitError(
        f"{what} cannot be downloaded from {url}: {why}.",
        f"Check the network, or set {repository.variable} to a repository that you reach, and run again: it "
        "goes on where it stopped. Without a network, use --lab-backend docker or external.",
    )


@dataclass(frozen=True)
class _Transfer:
    """Gets artifacts from *repository*, at *url*, into its folder."""

    pool: PoolManager
    repository: Repository
    url: str
    progress: Progress

    def get(self, artifact: Artifact) -> None:
        """Download *artifact*, going on after interruptions, and put it in place once its sum is right."""
        file = self.repository.folder / artifact.path
        part = file.with_name(file.name + ".part")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)  # it is damaged, or it would not be asked for
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._append(artifact, part)
            except _Interrupted as problem:
                if attempt == ATTEMPTS:
                    raise _failed(artifact, self.url, self.repository, str(problem)) from problem
                time.sleep(0.2 * 2**attempt)
                continue
            if _is_good(part, artifact):
                part.replace(file)
                self.progress.file_done()
                return
            part.unlink()  # nothing in it can be trusted: from the start
        wrong = f"what arrives does not have the {_SUMS[artifact.algorithm]} that is pinned"
        raise _failed(artifact, self.url, self.repository, wrong)

    def _append(self, artifact: Artifact, part: Path) -> None:
        """Bring *part* to its full length from where it ends."""
        from urllib3.exceptions import HTTPError

        have = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        try:
            answer = self.pool.request(
                "GET", f"{self.url}/{artifact.path}", headers=headers, preload_content=False
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
