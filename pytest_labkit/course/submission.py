"""
Which files are the student's, and where they are run from.

Only files that match the lab's `answers` patterns are taken; anything else in a folder of answers is
left where it is and named. The first folder that has a file wins, the lab's own folder comes last.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_labkit.course.imports import on_their_own, third_party
from pytest_labkit.course.shared_types import Given
from pytest_labkit.domain.model import CHECKS, AnswerFile, Lab

_NOISE = {"__pycache__", ".DS_Store", ".git", ".labkit", ".pytest_cache"}


@dataclass(frozen=True)
class Staged:
    """
    The answers of one lab in one place.

    *folder* is what is imported from: the lab's own folder where nothing lies over it, so that
    breakpoints hit; a copy otherwise. *ignored* are the names in the folders of answers that the lab
    does not ask for.
    """

    lab: Lab
    folder: Path
    files: tuple[AnswerFile, ...]
    ignored: tuple[str, ...]

    @property
    def modules(self) -> tuple[str, ...]:
        """The names of the Python modules among the files."""
        return tuple(file.path.removesuffix(".py") for file in self.files if file.path.endswith(".py"))

    def origin_of(self, relative: str) -> Path | None:
        """The file that the student wrote of *relative*, a path in the lab; `None` if there is none."""
        return next((Path(file.origin) for file in self.files if file.path == relative), None)

    @property
    def given(self) -> Given:
        """The classes that a test and a student's process both know."""
        return Given(self.lab.package, frozenset(self._given_files))

    def helper(self, name: str) -> str | None:
        """The given module *name* within the lab's package: of `checks/`, else beside the student's files."""
        given, found = self.given.modules, (f"{CHECKS}.{name}", name)
        return next((one for one in found if f"{self.lab.package}.{one}" in given), None)

    @property
    def imports(self) -> list[str]:
        """What answers and given files on their own import from third parties, see `imports.third_party`."""
        given = self._given_files
        files = [*map(Path, self.paths), *(given[name] for name in self.given_on_their_own)]
        return third_party(files, self.lab.package)

    @property
    def given_on_their_own(self) -> list[str]:
        """The given modules that import no student's."""
        return on_their_own(self._given_files, self.lab.package)

    @property
    def _given_files(self) -> dict[str, Path]:
        """Dotted name -> file, of all that is neither a student's nor only a test's."""
        folder = self.lab.folder
        beside = [path for path in sorted(folder.glob("*.py")) if path.stem not in self.modules]
        files = [*beside, *sorted((folder / CHECKS).glob("*.py"))]
        ours = [path for path in files if not path.name.startswith(("test_", "conftest", "__"))]
        names = {path: path.relative_to(folder).with_suffix("").parts for path in ours}
        return {".".join((self.lab.package, *parts)): path for path, parts in names.items()}

    @property
    def paths(self) -> dict[str, str]:
        """The files as they are imported: absolute path -> path relative to the lab."""
        return {str(self.folder / file.path): file.path for file in self.files}


def stage(lab: Lab, folders: tuple[Path, ...], into: Path) -> Staged:
    """
    Bring together the answers for *lab* from *folders*.

    Args:
        lab: The lab.
        folders: Folders of answers, the first that has a file wins; each holds the lab's files, or
            one folder per lab.
        into: An empty folder for the copies; not touched when *folders* is empty.
    """
    bases = [_base(folder, lab) for folder in folders]
    taken: dict[str, Path] = {}
    for base in (*bases, lab.folder):
        for relative in matching(base, lab.answers):
            taken.setdefault(relative, base / relative)
    for relative, origin in taken.items() if bases else ():
        copy = into / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin, copy)
    return Staged(
        lab=lab,
        folder=into if bases else lab.folder,
        files=tuple(AnswerFile(relative, _sha256(path), path) for relative, path in sorted(taken.items())),
        ignored=tuple(sorted({name for base in bases for name in _ignored(base, lab)})),
    )


def _base(folder: Path, lab: Lab) -> Path:
    """*folder* itself, or the lab's folder in it."""
    own = folder / lab.folder.name
    return own if own.is_dir() else folder


def matching(base: Path, patterns: tuple[str, ...]) -> list[str]:
    """The files below *base* that match *patterns*, relative to it; symbolic links are not taken."""
    return [
        path.relative_to(base).as_posix()
        for pattern in patterns
        for path in sorted(base.glob(pattern))
        if path.is_file() and not path.is_symlink()
    ]


def _ignored(base: Path, lab: Lab) -> Iterator[str]:
    """What lies in *base* and is not taken: files by name, a folder with nothing of the lab's as one."""
    taken = set(matching(base, lab.answers))
    folders = {Path(path).parts[0] for path in taken if "/" in path}
    for path in sorted(base.iterdir()):
        if path.name in _NOISE:
            continue
        if path.is_dir() and path.name not in folders:
            yield f"{path.name}/"
        elif path.is_dir():
            yield from (p for p in _files_below(path, base) if p not in taken)
        elif path.name not in taken and not _is_the_labs_own(path, lab):
            yield path.name


def _files_below(folder: Path, base: Path) -> Iterator[str]:
    yield from (p.relative_to(base).as_posix() for p in sorted(folder.rglob("*")) if not p.is_dir())


def _is_the_labs_own(path: Path, lab: Lab) -> bool:
    """A copy of a given file, as a student who hands in the whole folder has it."""
    given = lab.folder / path.name
    return given.is_file() and path.is_file() and given.read_bytes() == path.read_bytes()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
