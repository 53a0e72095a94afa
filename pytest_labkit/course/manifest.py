"""
`lab.toml` -> `Lab`.

Every mistake in the file is told with the file, the place in it, and what would be right; a key that
is not known is answered with the one that was probably meant.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.domain.model import Criterion, Lab, Part, Target
from pytest_labkit.host.places import within

FILE = "lab.toml"

_TARGET = re.compile(r"(?P<name>\w+)\s*(?P<operator>>=|<=|>|<)\s*(?P<limit>[\d_.]+)\s*(?P<unit>\S*)")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Part(_Table):
    id: str
    title: str
    minutes: int


class _Target(_Table):
    target: str
    ratio: float | None = Field(None, gt=0, le=1)
    headroom: float = Field(1.0, ge=1)

    @field_validator("target")
    @classmethod
    def _has_the_form(cls, text: str) -> str:
        if not _TARGET.fullmatch(text):
            raise ValueError("a target reads like 'throughput >= 10000 events/s'")
        return text

    def made(self) -> Target:
        match = _TARGET.fullmatch(self.target)
        assert match is not None  # the validator saw to it
        name, operator, limit, unit = match.group("name", "operator", "limit", "unit")
        return Target(name, operator, float(limit), unit, self.ratio, self.headroom)


class _Criterion(_Table):
    id: str = Field(pattern=r"^[A-Z]\d+$")
    part: str
    title: str = Field(min_length=1)
    points: int = Field(ge=0)
    required: bool = True
    needs: list[str] = []
    targets: list[str | _Target] = []
    look_at: str | None = None
    time_limit_s: float = Field(60.0, gt=0)

    @field_validator("targets")
    @classmethod
    def _as_tables(cls, targets: list[str | _Target]) -> list[str | _Target]:
        return [_Target(target=t, ratio=None, headroom=1.0) if isinstance(t, str) else t for t in targets]

    def made(self) -> Criterion:
        targets = tuple(t.made() for t in self.targets if isinstance(t, _Target))
        return Criterion(
            **self.model_dump(exclude={"needs", "targets"}),
            needs=tuple(self.needs),
            targets=targets,
        )


class _Lab(_Table):
    id: str = Field(pattern=r"^[\w-]+$")
    title: str
    answers: list[str] = Field(min_length=1)
    parts: list[_Part]
    criteria: list[_Criterion] = Field(min_length=1)
    challenges: list[_Criterion] = []
    services: list[str] = []
    brokers: int = Field(1, ge=1, le=3)


def folder_above(path: Path, root: Path) -> Path | None:
    """The nearest folder above *path*, within the project at *root*, that has a `lab.toml`."""
    folders = (folder for folder in within(root, path).parents if folder.is_relative_to(root))
    return next((folder for folder in folders if (folder / FILE).is_file()), None)


def read(folder: Path, root: Path) -> Lab:
    """
    The lab in *folder*, which lies below the project's *root*.

    Raises:
        UsageProblem: There is no `lab.toml`, it is not TOML, or what it says is not a lab.
    """
    path = folder / FILE
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UsageProblem(f"There is no lab at {folder}: it has no {FILE}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageProblem(f"{shown} is not valid TOML: {error}.") from None
    try:
        lab = _Lab.model_validate(table)
    except ValidationError as error:
        raise UsageProblem(f"{shown}: {_told(error)}") from None
    _check_references(lab, shown)
    return Lab(
        id=lab.id,
        title=lab.title,
        folder=folder,
        package=".".join(folder.relative_to(root).parts),
        parts=tuple(Part(p.id, p.title, p.minutes) for p in lab.parts),
        criteria=tuple(c.made() for c in lab.criteria),
        services=tuple(lab.services),
        answers=tuple(lab.answers),
        challenges=tuple(c.made() for c in lab.challenges),
        brokers=lab.brokers,
    )


def find(root: Path) -> list[Lab]:
    """Every lab below `labs/` in the project at *root*, by folder name."""
    return [read(path.parent, root) for path in sorted((root / "labs").glob(f"*/{FILE}"))]


def _told(error: ValidationError) -> str:
    """The first problem of *error*, in a sentence; a misspelt key before the one it leaves missing."""
    first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    *where, key = first["loc"]
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where).lstrip(".")
    inside = f" in {place}" if place else ""
    if first["type"] == "extra_forbidden" and key == "hints":
        return f'the hints{inside} belong into hints.toml beside it, as A2 = ["…", "…", "…"].'
    if first["type"] == "extra_forbidden":
        return f"the key {key!r}{inside} is not known.{_meant(str(key), _known_keys(where))}"
    if first["type"] == "missing":
        return f"the key {key!r} is missing{inside}."
    detail = first["msg"].removeprefix("Value error, ")
    return f"the key {key!r}{inside} is wrong: {detail} (it is {first['input']!r})."


def _known_keys(where: list[Any]) -> list[str]:
    tables: dict[str, type[_Table]] = {
        "parts": _Part,
        "criteria": _Criterion,
        "challenges": _Criterion,
        "targets": _Target,
    }
    names = [step for step in where if step in tables]
    return list((tables[names[-1]] if names else _Lab).model_fields)


def _meant(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f" Did you mean {close[0]!r}?" if close else f" Known keys: {', '.join(known)}."


def _check_references(lab: _Lab, shown: Path) -> None:
    """That ids are unique, and that a part or criterion that is named exists."""
    all_criteria = [*lab.criteria, *lab.challenges]
    ids = [criterion.id for criterion in all_criteria]
    parts = [part.id for part in lab.parts]
    for names, what in ((ids, "criterion"), (parts, "part")):
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise UsageProblem(f"{shown}: the {what} {min(twice)} is there twice.")
    for criterion in all_criteria:
        if criterion.part not in parts:
            raise UsageProblem(
                f"{shown}: criterion {criterion.id} is in part {criterion.part!r}, which is not known."
                f"{_meant(criterion.part, parts)}"
            )
        for need in criterion.needs:
            if need not in ids:
                meant = _meant(need, ids)
                raise UsageProblem(f"{shown}: criterion {criterion.id} needs {need!r}, not known.{meant}")
