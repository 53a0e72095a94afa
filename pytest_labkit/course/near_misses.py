"""What lies in a folder of answers instead of the files that a lab asks for, in a sentence."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_SHOWN = 4
_DEPTH, _MOST = 6, 5000  # of what is looked through: a folder of answers may be somebody's home
_LEFT_OUT = {".git", ".labkit", ".venv", "__pycache__", "__MACOSX", "node_modules"}


def nothing_taken(folder: Path, base: Path, asked: tuple[str, ...], lab: str) -> str:
    """
    That no file of *lab* was taken from *folder*, and what is there instead.

    Args:
        folder: The folder that was named.
        base: It, or the folder of the lab in it: where files of the names *asked* are taken from.
        asked: Patterns of paths.
        lab: The lab's id.
    """
    here = _entries(base)
    found = [*_near(base, here, asked), *_archives(here), *_elsewhere(folder, base, asked)]
    if not found:
        found = [_what_is_there(here), f"{lab} asks for {_some(asked)}"]
    return f"No file of {lab} was taken from {base}: {'; '.join(found)}."


def is_archive(path: Path) -> bool:
    """Whether *path* has the name of an archive."""
    return path.suffix.lower() in _ARCHIVES


def misnamed(base: Path, asked: tuple[str, ...]) -> list[str]:
    """What lies in *base* and would be one of the files *asked*, but for one thing, which each line names."""
    return list(_near(base, _entries(base), asked))


def _near(base: Path, here: Iterable[Path], asked: tuple[str, ...]) -> Iterator[str]:
    for pattern in asked:
        folder, _, name = pattern.rpartition("/")
        for path in _entries(base / folder) if folder else here:
            shown = path.relative_to(base).as_posix()
            if fnmatch.fnmatchcase(path.name, name):
                if why := _no_file(path):
                    yield f"{shown} is {why}"
            elif fnmatch.fnmatchcase(path.name.lower(), name.lower()):
                yield f"{shown} has to be called {pattern}"
            elif fnmatch.fnmatchcase(path.name.lower(), f"{name.lower()}.txt"):
                yield f"{shown} has to be called {pattern}, without .txt"


def _no_file(path: Path) -> str | None:
    """Why *path* is not taken, though it has the right name."""
    if path.is_symlink():
        return "a symbolic link, which is not followed: put the file itself there"
    if path.is_dir():
        return "a folder"
    return None if path.is_file() else "no ordinary file"


def _archives(here: Iterable[Path]) -> Iterator[str]:
    yield from (f"{path.name} is an archive: unpack it" for path in here if is_archive(path))


def _elsewhere(folder: Path, base: Path, asked: tuple[str, ...]) -> Iterator[str]:
    """The folder below *folder* that has files of the right names, if there is one: the nearest."""
    found = {place for path, place in _files(folder, asked) if place != base and path.is_file()}
    if folder in found:
        yield f"such files lie beside {base.name}/, and only that is looked into"
    elif found:
        nearest = min(found, key=lambda place: (len(place.parts), place))
        yield f"such files lie in {nearest}: name that folder"


def _files(folder: Path, asked: tuple[str, ...]) -> Iterator[tuple[Path, Path]]:
    """Files at and below *folder* that match, each with the folder that it would be taken from."""
    for at in islice(_folders(folder), _MOST):
        for pattern in asked:
            yield from ((path, at) for path in islice(_glob(at, pattern), _SHOWN) if not path.is_symlink())


def _folders(folder: Path) -> Iterator[Path]:
    for place, below, _ in os.walk(folder):  # does not follow symbolic links
        at = Path(place)
        deep = len(at.parts) - len(folder.parts) >= _DEPTH
        below[:] = [] if deep else sorted(name for name in below if name not in _LEFT_OUT)
        yield at


def _glob(folder: Path, pattern: str) -> Iterator[Path]:
    try:
        yield from folder.glob(pattern)
    except OSError:  # it may not be read
        return


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name not in _LEFT_OUT)
    except OSError:
        return []


def _what_is_there(here: list[Path]) -> str:
    if not here:
        return "it is empty"
    return f"it holds {_some([f'{path.name}/' if path.is_dir() else path.name for path in here])}"


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
