"""
What Java works out anew at every start of a server, kept: an archive of its classes (AOT cache, CDS).

With one, a server is ready in half the time or less. An archive fits one JRE and the
very jars that it was made with. It lies in the user's cache, beside a record that is written last: what
has no record, or was touched since, is not used. Nothing here fails a start: without an archive a server
starts as it would have without this module.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pytest_labkit.host.settings import Settings
from pytest_labkit.services.guard import replace_file
from pytest_labkit.services.jvm.java import Java

ROOM = 500_000_000  # bytes: what a JVM notes, the archive in the making, and the one that it replaces
AGAIN_AFTER_S = 24 * 3600.0  # until one that could not be made is tried again
KEPT = 3  # archives of a server: so many JREs may take turns on a machine

PREPARING = "preparing for quick starts, once on this machine (about 10 s if it is idle)"

Say = Callable[[str], None]


def folder(settings: Settings) -> Path:
    """Where archives lie, in the cache that all checkouts of this user share."""
    return settings.cache / "archives"


@dataclass(frozen=True)
class Archive:
    """The archive in *folder* with which *server* starts on *java* with *class_path*; it need not exist."""

    server: str
    java: Java
    class_path: tuple[Path, ...]
    folder: Path

    @cached_property
    def file(self) -> Path:
        """Its place. Java compares path, size and time of each jar, so they are in the name's digest."""
        jars = [(str(jar), jar.stat().st_size, jar.stat().st_mtime_ns) for jar in self.class_path]
        identity = json.dumps([self.java.identity, self.java.command[1:], jars])
        digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
        return self.folder / f"{self.server}-{digest}.archive"

    @property
    def record(self) -> Path:
        """The place of what is written down about it, or about why it could not be made."""
        return self.file.with_suffix(".json")

    @property
    def part(self) -> Path:
        """The place where it is made."""
        return self.file.with_suffix(".part")


def options(archive: Archive, make: Callable[[Path], object], say: Say) -> list[str]:
    """
    The options of a JVM that starts from *archive*; none if it cannot be had now.

    If it is not there, *make* is called to make it at the path that it is given. Another run that makes
    it at the same time is not waited for. One that could not be made is not tried again for a day;
    *say* is told why, once.
    """
    try:
        if is_good(archive) or (not _failed_lately(archive) and _made(archive, make, say)):
            return archive.java.using(archive.file)
    except Exception as error:  # whatever it is, the server can be started without
        _give_up(archive, error, say)
    return []


def is_good(archive: Archive) -> bool:
    """Whether it is there, whole: as it was when its record was written."""
    try:
        good = _read(archive.record).get("stamp") == _stamp(archive.file)
        if good:
            os.utime(archive.record)  # those that were not used for longest go first
    except OSError:
        return False
    return good


def discard(archive: Archive) -> None:
    """Throw it away: Java did not take it, or died of it. The next start makes it anew."""
    with suppress(OSError):
        archive.record.unlink(missing_ok=True)
        archive.file.unlink(missing_ok=True)


def found(folder: Path) -> list[dict[str, Any]]:
    """The records of all archives in *folder*, each with its `server` and its `size` in bytes."""
    records = []
    for path in sorted(folder.glob("*.json")):
        file = path.with_suffix(".archive")
        size = file.stat().st_size if file.is_file() else 0
        records.append({**_read(path), "server": path.name.partition("-")[0], "size": size})
    return records


def _made(archive: Archive, make: Callable[[Path], object], say: Say) -> bool:
    """Have it made, unless another run does that just now; whether it is there."""
    archive.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(archive.folder / f"{archive.server}.lock", blocking=False)
    try:
        lock.acquire()
    except Timeout:
        return False
    try:
        if not is_good(archive):  # else another run was quicker
            _tidy(archive)
            _need_room(archive.folder)
            say(f"{archive.server}: {PREPARING}")
            make(archive.part)
            _publish(archive)
        return True
    finally:
        lock.release()


def _publish(archive: Archive) -> None:
    """Put the finished part in its place, and only when it is on the disk write that down."""
    with archive.part.open("rb") as file:
        os.fsync(file.fileno())
    archive.part.replace(archive.file)
    replace_file(archive.record, {"stamp": _stamp(archive.file), **_made_of(archive)})


def _stamp(file: Path) -> list[int]:
    """Its size and time: to read all of it, at every start, would take as long as it saves elsewhere."""
    stat = file.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _give_up(archive: Archive, error: Exception, say: Say) -> None:
    why = " ".join(str(error).split("\n", 1)[0].split()) or type(error).__name__
    say(f"{archive.server} starts without an archive of its classes, some seconds slower: {why}")
    with suppress(OSError):
        archive.part.unlink(missing_ok=True)
        replace_file(archive.record, {"failed": why, **_made_of(archive)})


def _failed_lately(archive: Archive) -> bool:
    try:
        age_s = time.time() - archive.record.stat().st_mtime
        return "failed" in _read(archive.record) and 0 <= age_s < AGAIN_AFTER_S
    except OSError:
        return False


def _made_of(archive: Archive) -> dict[str, Any]:
    java = archive.java
    return {
        "java": str(java.program),
        "version": java.version,
        "jars": [str(jar) for jar in archive.class_path],
    }


def _need_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        raise OSError(f"{folder} has {free / 1e6:.0f} MB free, and {ROOM / 1e6:.0f} are wanted")


def _tidy(archive: Archive) -> None:
    """
    Remove what is left of this server's archives: unfinished ones, those whose JRE or jars are gone, and
    all but the latest few. For whoever holds the lock.
    """
    records = sorted(archive.folder.glob(f"{archive.server}-*.json"), key=_age)
    keep = {path.stem for path in records if _could_be_used(_read(path))}
    keep = {path.stem for path in [p for p in records if p.stem in keep][: KEPT - 1]}
    for path in archive.folder.glob(f"{archive.server}-*"):
        if path.stem not in keep or path.suffix == ".part":
            path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    return -path.stat().st_mtime


def _could_be_used(record: dict[str, Any]) -> bool:
    return "stamp" in record and all(Path(path).exists() for path in (record["java"], *record["jars"]))


def _read(record: Path) -> dict[str, Any]:
    """What *record* says; nothing if it is not there or was not written by this kit."""
    try:
        said = json.loads(record.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
