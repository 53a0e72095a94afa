"""The shape of `report.json`, for type checkers; `report.schema.json` says the same to everyone else."""

from __future__ import annotations

from typing import TypedDict


class Points(TypedDict):
    """Integers; *earned* is at most *possible*."""

    earned: int
    possible: int


class Step(TypedDict):
    """An operation of a counterexample; *end_ms* is `None` where the call had not ended."""

    process: str
    call: str
    start_ms: float
    end_ms: float | None
    outcome: str
    said: str


class Message(TypedDict):
    """What a student reads about a criterion that is not passed; *look_at* is `file:line`."""

    checked: str
    expected: str
    got: str
    perhaps: str | None
    look_at: str | None
    timeline: list[Step]


class Measurement(TypedDict):
    """
    A figure: the median of *rounds*, or a percentile of *samples*, which one of several figures holds.

    A figure that is no number (NaN, infinity) is `None`.
    """

    name: str
    value: float | None
    unit: str
    target: str | None
    met: bool | None
    rounds: list[float | None]
    reference: float | None
    note: str | None
    samples: list[float | None]


class Span(TypedDict):
    """Something on a lane of a chronicle; RFC 3339 in UTC, *end* is `None` for an instant."""

    lane: str
    label: str
    start: str
    end: str | None


class Chronicle(TypedDict):
    """What a test saw, by the calendar; shown whatever the verdict."""

    title: str
    spans: list[Span]


class Criterion(TypedDict):
    """A criterion or challenge, whether it ran or not."""

    id: str
    part: str
    title: str
    required: bool
    verdict: str
    points: Points
    duration_s: float | None
    message: Message | None
    measurements: list[Measurement]
    chronicles: list[Chronicle]


class Part(TypedDict):
    """A part of the lab and the minutes it is meant to take."""

    id: str
    title: str
    minutes: int


class Lab(TypedDict):
    """The lab that was checked."""

    id: str
    title: str
    parts: list[Part]


class Service(TypedDict):
    """A service that the run used; *ready_s* is 0 when it ran already."""

    version: str
    backend: str
    ready_s: float | None


class Answer(TypedDict):
    """A file that was checked; *origin* is where it was taken from, relative to the project if below it."""

    path: str
    sha256: str
    origin: str


class Document(TypedDict):
    """A whole `report.json`; *started_at* is RFC 3339 in UTC, durations are seconds."""

    schema: str
    kit_version: str
    lab: Lab
    status: str
    passed: bool
    started_at: str
    duration_s: float | None
    door: str
    seed: int
    services: dict[str, Service]
    machine: dict[str, str | int | float | None]
    answers: list[Answer]
    ignored: list[str]
    points: Points
    criteria: list[Criterion]
    challenges: list[Criterion]
    notes: list[str]
    next_step: str | None
