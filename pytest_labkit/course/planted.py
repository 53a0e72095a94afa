"""
Planted bugs: wrong answers that a named criterion must catch, each in a folder with a `planted.toml`.

A bug's folder holds only the files in which it differs from the model answer.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_labkit.course.submission import matching
from pytest_labkit.domain.model import Lab

FILE = "planted.toml"


class _Told(BaseModel):
    """What `planted.toml` may say; *item* is the author's own mark, such as a place in a checklist."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    criterion: str
    test: str
    reason: str = Field(min_length=20)
    also: list[str] = []
    item: str | None = None


@dataclass(frozen=True)
class Planted:
    """
    A bug in *folder* that *criterion* must catch, by *test* (`file::function`), and why.

    *also* are the criteria that it breaks as well, because it cannot do otherwise.
    """

    folder: Path
    criterion: str
    test: str
    reason: str
    also: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of its folder, which begins with that of its criterion."""
        return self.folder.name


def bugs(lab: Lab, solutions: Path) -> list[Planted]:
    """The planted bugs of *lab* in *solutions* that can be read; `problems` tells of the others."""
    return [bug for bug in map(_read, _places(lab, solutions)) if isinstance(bug, Planted)]


def problems(lab: Lab, solutions: Path, tests: Mapping[str, list[str]]) -> Iterator[str]:
    """What is wrong with the planted bugs of *lab*, whose *tests* are given by criterion: a sentence each."""
    for place in _places(lab, solutions):
        where = f"{lab.id}: planted/{place.parent.name}"
        bug = _read(place)
        if isinstance(bug, str):
            yield f"{where}: {FILE}: {bug}"
        else:
            yield from (f"{where}: {problem}" for problem in _wrong(bug, lab, tests))


def _places(lab: Lab, solutions: Path) -> list[Path]:
    return sorted((solutions / lab.folder.name / "planted").glob(f"*/{FILE}"))


def _read(path: Path) -> Planted | str:
    """The bug that *path* tells of, or what is wrong with what it says."""
    try:
        told = _Told.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return f"it is not valid TOML: {error}"
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(_Told.model_fields)
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}. It says {known}"
    return Planted(path.parent, told.criterion, told.test, told.reason, tuple(told.also))


def _wrong(bug: Planted, lab: Lab, tests: Mapping[str, list[str]]) -> Iterator[str]:
    known = [criterion.id for criterion in (*lab.criteria, *lab.challenges)]
    for id_ in (bug.criterion, *bug.also):
        if id_ not in known:
            yield f"lab.toml has no criterion {id_}; it has {', '.join(known)}"
    if not bug.name.startswith(f"{bug.criterion}_"):
        yield f"the folder's name begins with the criterion that catches it: {bug.criterion}_…"
    if bug.test not in tests.get(bug.criterion, ()):
        yield f"{bug.test} is no test of {bug.criterion}; those are {', '.join(tests.get(bug.criterion, ()))}"
    answers = matching(bug.folder, lab.answers)
    if not answers:
        yield f"there is no file of a student's in it ({', '.join(lab.answers)})"
    for path in sorted(p.relative_to(bug.folder).as_posix() for p in bug.folder.rglob("*") if p.is_file()):
        if path not in answers and path != FILE and "__pycache__" not in path:
            yield f"{path} is no file of a student's, and is not used"
