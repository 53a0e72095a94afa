"""
What `report.json` holds, and every other format is made from: the one declaration of it.

`report.schema.json` is generated from these classes, and from those of the domain that they are made of.
A document is harmless: two formats cannot disagree, and a page can be made again from a `report.json` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cache
from pathlib import Path, PurePath, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, NonNegativeInt, TypeAdapter

from pytest_labkit.domain import model
from pytest_labkit.domain.kinds import Figure, Prose
from pytest_labkit.domain.model import (
    AnswerFile,
    Chronicle,
    CriterionResult,
    Drawing,
    Measurement,
    Message,
    Part,
    Report,
    Scatter,
    ServiceInfo,
    Status,
    Verdict,
)
from pytest_labkit.host.settings import DOORS
from pytest_labkit.report.harmless import harmless

SCHEMA_NAME = "labkit/report/1"

T = TypeVar("T")


@dataclass(frozen=True)
class Points:
    """Integers; *earned* is at most *possible*."""

    earned: NonNegativeInt
    possible: NonNegativeInt


@dataclass(frozen=True)
class Criterion:
    """
    A criterion or challenge, whether it ran or not.

    *not_run* are tests, relative to the lab's folder, that were left out as it was decided without them.
    """

    __pydantic_config__ = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"verdict": {"not": {"const": "passed"}}}},
            "then": {"properties": {"points": {"properties": {"earned": {"const": 0}}}}},
        }
    )

    id: str
    part: str
    title: str
    required: bool
    verdict: Verdict
    points: Points
    duration_s: Figure
    message: Message | None
    measurements: tuple[Measurement, ...]
    chronicles: tuple[Chronicle, ...]
    drawings: tuple[Drawing, ...] = ()  # not in the reports of earlier kits
    scatters: tuple[Scatter, ...] = ()  # likewise
    not_run: tuple[str, ...] = ()  # not in the reports of earlier kits


@dataclass(frozen=True)
class Lab:
    """The lab that was checked."""

    id: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Document:
    """
    A report of the lab kit. Later versions of the kit may add to it: ignore what you do not know.

    *passed*: every required criterion ran and passed, and nothing broke. *seed* is what all chance in the
    run followed from; *ignored* are files that lay among the answers and were not used; *challenges* stand
    outside the points; *next_step* is the command or advice to go on with. Durations are in seconds.
    """

    __pydantic_config__ = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"passed": {"const": True}}},
            "then": {"properties": {"status": {"const": "complete"}}},
        }
    )

    schema: Literal["labkit/report/1"]
    kit_version: str
    lab: Lab
    status: Status
    passed: bool
    started_at: datetime
    duration_s: Figure
    door: Annotated[str, Field(json_schema_extra={"enum": list(DOORS)})]
    seed: NonNegativeInt
    services: dict[str, ServiceInfo]
    machine: dict[str, str | int | Figure]
    answers: tuple[AnswerFile, ...]
    ignored: tuple[str, ...]
    points: Points
    criteria: tuple[Criterion, ...]
    challenges: tuple[Criterion, ...]
    notes: tuple[Prose, ...]
    next_step: Prose | None


def published(report: Report) -> Document:
    """What is published of *report*; paths below the project are relative to it."""
    root = project(report.lab)
    return harmless(
        _made(
            Document,
            report,
            schema=SCHEMA_NAME,
            lab=_made(Lab, report.lab),
            answers=tuple(replace(a, origin=PurePosixPath(within(root, a.origin))) for a in report.answers),
            ignored=tuple(within(root, path) for path in report.ignored),
            points=Points(report.earned, report.possible),
            criteria=tuple(_criterion(result, root) for result in report.results),
            challenges=tuple(_criterion(result, root) for result in report.challenges),
        )
    )


def _criterion(result: CriterionResult, root: Path) -> Criterion:
    told, message = result.criterion, result.message
    if message is not None and message.look_at is not None:
        message = replace(message, look_at=within(root, message.look_at))
    named = {"id": told.id, "part": told.part, "title": told.title, "required": told.required}
    return _made(Criterion, result, **named, points=Points(result.earned, told.points), message=message)


def _made(shape: type[T], source: object, **different: object) -> T:
    """A *shape* with the values that *source* has under the same names, but for what is *different*."""
    names = [field.name for field in fields(shape) if field.name not in different]  # type: ignore[arg-type]
    return shape(**{name: getattr(source, name) for name in names}, **different)


def project(lab: model.Lab) -> Path:
    """The folder that the lab's package hangs in: `course` for `labs.lab3` in `course/labs/lab3`."""
    depth = len(lab.package.split("."))
    parents = lab.folder.parents
    return parents[depth - 1] if depth <= len(parents) else lab.folder


def within(root: Path, path: str | PurePath) -> str:
    """*path* relative to *root* with `/` if it lies below, else as it is; a `:line` after it stays."""
    text = str(path)
    try:
        return Path(text).relative_to(root).as_posix() if Path(text).is_absolute() else text
    except ValueError:
        return text


@cache
def adapter() -> TypeAdapter[Document]:
    """What reads and writes a document: made when it is needed, which no run does before its end."""
    return TypeAdapter(Document)


def as_json(made: Document) -> dict[str, Any]:
    """*made* as values that JSON can hold: what `report.json` says."""
    values: dict[str, Any] = adapter().dump_python(made, mode="json")
    return values
