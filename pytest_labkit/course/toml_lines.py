"""An author's TOML, validated: whatever is wrong is told with its file and line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pytest_labkit.domain.errors import UsageProblem

Model = TypeVar("Model", bound=BaseModel)
Place = tuple[str | int, ...]

_TABLE = re.compile(r"\[\[?\s*([\w.]+)\s*\]\]?\s*(?:#.*)?")
_TEXT = re.compile("'{3}|\"{3}")
_KEY = re.compile(r"(\w+)\s*=")


class Misfit(UsageProblem):
    """What is wrong with a file, with its line: `solutions/lab3/mutants/A4.toml:12: …`."""


@dataclass(frozen=True)
class Source:
    """The TOML file *path*, of whose tables and keys we know the *lines*."""

    path: Path
    lines: Mapping[Place, int]

    def at(self, *place: str | int) -> str:
        """The file and the line of *place*, or of the table around it where that is not written down."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{shown(self.path)}:{self.lines.get(place, 1)}"


def load(path: Path, model: type[Model]) -> tuple[Source, Model]:
    """What the file *path* says, as *model*; raises `Misfit` with every mistake in it, a line each."""
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        line = re.search(r"at line (\d+)", str(error))
        raise Misfit(f"{shown(path)}:{line[1] if line else 1}: it is not valid TOML: {error}") from None
    source = Source(path, _lines(text))
    try:
        return source, model.model_validate(table)
    except ValidationError as error:
        raise Misfit("\n".join(_told(source, told) for told in error.errors())) from None


def shown(path: Path) -> str:
    """*path*, which lies in `solutions/`, as one sees it from the project's root."""
    solutions = next((folder for folder in path.parents if folder.name == "solutions"), path.parent)
    return path.relative_to(solutions.parent).as_posix()


def _told(source: Source, error: Mapping[str, Any]) -> str:
    where = ".".join(map(str, error["loc"]))
    return f"{source.at(*error['loc'])}: {where}: {error['msg'].removeprefix('Value error, ')}"


def _lines(text: str) -> dict[Place, int]:
    """The lines of the tables and keys of a TOML *text*: `("mutant", "A4_scan", "change", 0)` → 31."""
    lines: dict[Place, int] = {}
    table: Place = ()
    inside = False  # a text of several lines, whose lines are neither tables nor keys
    for number, line in enumerate(text.splitlines(), 1):
        was_inside, inside = inside, inside ^ bool(len(_TEXT.findall(line)) % 2)
        if was_inside:
            continue
        if header := _TABLE.fullmatch(line.strip()):
            table = _place(tuple(header[1].split(".")), lines, one_of_many=line.strip().startswith("[["))
            for known in range(1, len(table)):  # the tables around it, where they are not written down
                lines.setdefault(table[:known], number)
            lines[table] = number
        elif key := _KEY.match(line.strip()):
            lines.setdefault((*table, key[1]), number)
    return lines


def _place(names: Place, seen: Mapping[Place, int], *, one_of_many: bool) -> Place:
    """The place of the table of these *names*, or of the next of the tables that have them."""
    if not one_of_many:
        return names
    return (*names, sum(known[:-1] == names and isinstance(known[-1], int) for known in seen))
