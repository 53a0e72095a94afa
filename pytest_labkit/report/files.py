"""
Files that are there whole or not at all, whatever happens while they are written.

Every new file is first written beside its place, flushed to the disk, and only when all of them are
there do they take their places. A full disk, a crash or a kill in between leaves the old files as
they were. Why fsync before the rename: without it a power loss can leave an empty file under the
new name (T. Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014).
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host.locks import alone_in

# A file of this name is a write that was killed, or one that is still going on.
_PREFIX, _SUFFIX = ".labkit-", ".tmp"
_STALE_AFTER_S = 3600.0

_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}
_CAUSES = {
    **_FULL,
    errno.EFBIG: "the file would be larger than this process may write",
    errno.EACCES: "the folder may not be written to",
    errno.EPERM: "the folder may not be written to",
    errno.EROFS: "the disk is read-only",
    errno.ENOTDIR: "a part of that path is a file, not a folder",
    errno.EEXIST: "that path is a file, not a folder",
    errno.EISDIR: "a folder is in the place of the file",
    errno.ELOOP: "the folder is a symbolic link, which is not followed",
}


def replace_all(folder: Path, contents: Mapping[str, bytes]) -> None:
    """
    Write *contents*, bytes by file name, into *folder*: all of them new, or all as before.

    The folder is made if it is missing. A symbolic link in a file's place is replaced, not followed;
    the folder itself must not be one. The last of the files takes its place last.

    Raises:
        KitError: They could not be written; the message says where and why.
    """
    waiting: dict[Path, Path] = {}
    try:
        _prepare(folder, contents)
        for name, content in contents.items():
            place = folder / name
            waiting[place] = folder / f"{_PREFIX}{name}-{secrets.token_hex(4)}{_SUFFIX}"
            _write(waiting[place], content)
        with alone_in(folder):  # two runs that end at once: the files of one of them, not of both
            for place, written in waiting.items():
                written.replace(place)
            _sync_folder(folder)
    except OSError as error:
        raise KitError(
            f"The report could not be written to {folder}: {_why(error)}.", _what_to_do(error)
        ) from error
    finally:
        for written in waiting.values():
            with contextlib.suppress(OSError):
                written.unlink()


def _prepare(folder: Path, contents: Mapping[str, bytes]) -> None:
    if folder.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    for name in contents:
        # Found before anything is replaced, so that no half of a report takes its place.
        if (folder / name).is_dir() and not (folder / name).is_symlink():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(folder / name))
    _sweep(folder)


def _write(path: Path, content: bytes) -> None:
    """A new file with *content*, on the disk; an existing name, be it a link, is an error (`O_EXCL`)."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o666), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Put the renames on the disk; Windows has no such call for folders."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Remove what killed writes left; younger files may belong to a run beside this one."""
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            if time.time() - path.lstat().st_mtime > _STALE_AFTER_S:
                path.unlink()


def _why(error: OSError) -> str:
    return _CAUSES.get(error.errno or 0, error.strerror or str(error))


def _what_to_do(error: OSError) -> str:
    advice = "Free some space" if error.errno in _FULL else "Name another folder with --lab-report"
    return f"{advice}, then run again; a report from an earlier run is as it was."
