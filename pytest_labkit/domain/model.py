"""
The words of the kit as values: lab, criterion, target, measurement, verdict, report.

Frozen, and free of I/O: `manifest` makes a `Lab` from `lab.toml`, a run makes a `Report`, and every
format (JSON, HTML, Markdown, JUnit, the terminal) is made from the `Report` and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path, PurePath

from pytest_labkit.domain.kinds import Figure, Prose

CHECKS = "checks"
"""The folder of a lab that holds its tests and what only they use: what a student need not open."""


class Verdict(StrEnum):
    """How a criterion ended. Only `PASSED` earns points; `UNKNOWN` is never the student's fault."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"  # the student's code raised, died or ran out of time
    TODO = "todo"  # NotImplementedError from a student's file: the stub is untouched
    BLOCKED = "blocked"  # by a named earlier criterion
    UNKNOWN = "unknown"  # it did not run, or the kit or a service broke


class Status(StrEnum):
    """How a run ended as a whole."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"  # a criterion did not run
    UNKNOWN = "unknown"  # the kit or a service broke
    TAMPERED = "tampered"


@dataclass(frozen=True)
class Target:
    """
    What a measurement is held to, as `lab.toml` states it: `throughput >= 10000 events/s`.

    *ratio* is the share of the reference, measured in the same run, that is enough on a machine
    where the reference itself misses the target. Where a good answer reaches a part of the reference only,
    *headroom* says how many times the target the reference has to reach.
    """

    name: str
    operator: str  # ">=", ">", "<=" or "<"
    limit: float
    unit: str
    ratio: float | None = None
    headroom: float = 1.0

    def __str__(self) -> str:
        return f"{self.operator} {self.limit:.12g}"


@dataclass(frozen=True)
class Criterion:
    """
    One thing that a lab checks.

    *look_at* names the place to open when it fails, as `file` or `file:Class.method`.
    """

    id: str
    part: str
    title: str
    points: int
    hints: tuple[str, ...]
    required: bool = True
    needs: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    look_at: str | None = None
    time_limit_s: float = 60.0


@dataclass(frozen=True)
class Part:
    """A part of a lab: `A`, its title, and the minutes it is meant to take."""

    id: str
    title: str
    minutes: int


@dataclass(frozen=True)
class Lab:
    """
    What `lab.toml` says, and where it lies.

    *answers* are glob patterns, relative to *folder*, of the files that a student writes; *package*
    is the dotted name of the folder, such as `labs.lab3`; *brokers* is how many Kafka brokers it needs.
    """

    id: str
    title: str
    folder: Path
    package: str
    parts: tuple[Part, ...]
    criteria: tuple[Criterion, ...]
    services: tuple[str, ...]
    answers: tuple[str, ...]
    challenges: tuple[Criterion, ...] = ()
    brokers: int = 1

    def criterion(self, id_: str) -> Criterion:
        """The criterion or challenge with this id; `KeyError` if there is none."""
        return {c.id: c for c in (*self.criteria, *self.challenges)}[id_]


@dataclass(frozen=True)
class Step:
    """
    An operation of a counterexample as it is shown: who called what, when, and how that ended.

    *start_ms* and *end_ms* count from the first start of all steps; *end_ms* is `None` where the call
    had not ended. *outcome* is `ok`, `failed` or `unknown`; *said* is that, and what came back.
    """

    process: str
    call: str
    start_ms: float
    end_ms: float | None
    outcome: str
    said: str


@dataclass(frozen=True)
class Promise:
    """A sentence of a lab's contract: its id, such as `A2.3`, what it says, and where, as `README.md:82`."""

    id: str
    text: str
    at: str

    @property
    def criterion(self) -> str:
        """The id of the criterion that checks it."""
        return self.id.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.id} ({self.at}) {self.text}"


@dataclass(frozen=True)
class Message:
    """
    What a student reads about a criterion that is not passed.

    *timeline* is the counterexample: the fewest operations that show what is wrong, by their start.
    *promises* are the sentences of the lab's contract that the test checks.
    """

    checked: Prose
    expected: Prose
    got: Prose
    perhaps: Prose | None = None
    look_at: str | None = None
    timeline: tuple[Step, ...] = ()
    promises: tuple[Promise, ...] = ()  # not in the reports of earlier kits


@dataclass(frozen=True)
class Measurement:
    """
    A figure that the kit measured: the median of *rounds*, and whether the target was met.

    *target* is the target as text (`">= 10000"`), `None` where the lab states none, and *met* then
    too. *reference* is the median of the reference measured in the same run; *note* says how the
    figure was judged where that was not by the target alone, and what a reader should know of it.
    *samples* are the single values behind a percentile, where they are kept for a picture of them.
    """

    name: str
    value: Figure
    unit: str
    target: str | None = None
    met: bool | None = None
    rounds: tuple[Figure, ...] = ()
    reference: float | None = None
    note: Prose | None = None
    samples: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Span:
    """Something on the *lane* of a chronicle, from *start* to *end*: an instant where that is `None`."""

    lane: str
    label: str
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True)
class Chronicle:
    """What a test saw, by the calendar: shown whatever the verdict, so that a pass can be looked at."""

    title: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Mark:
    """A mark on the *lane* of a drawing, *at* so far along it; *wrong* if it is what the drawing is for."""

    lane: str
    label: str
    at: float
    wrong: bool = False


@dataclass(frozen=True)
class Join:
    """A line between two marks of a drawing, by their places in it, and what it says."""

    one: int
    other: int
    label: str


@dataclass(frozen=True)
class Drawing:
    """
    What a test saw, as marks on lanes: a lane for each log, say, and a mark for each of its entries.

    *along* says what marks are ordered by, such as `offset`. It is shown whatever the verdict.
    """

    title: str
    along: str
    marks: tuple[Mark, ...]
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True)
class Axis:
    """What is drawn along an axis, and its unit."""

    name: str
    unit: str


@dataclass(frozen=True)
class Cloud:
    """What was measured of *name*, round by round: a place on both axes for each round."""

    name: str
    x: tuple[Figure, ...]
    y: tuple[Figure, ...]


@dataclass(frozen=True)
class Scatter:
    """Two figures of several things, the one against the other: shown whatever the verdict."""

    title: str
    x: Axis
    y: Axis
    clouds: tuple[Cloud, ...]


@dataclass(frozen=True)
class CriterionResult:
    """
    A criterion with its verdict and the evidence for it; durations are in seconds.

    *not_run* are its tests, relative to the lab's folder, that were left out as it was decided without them.
    """

    criterion: Criterion
    verdict: Verdict
    duration_s: float = 0.0
    message: Message | None = None
    measurements: tuple[Measurement, ...] = ()
    chronicles: tuple[Chronicle, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    scatters: tuple[Scatter, ...] = ()
    not_run: tuple[str, ...] = ()

    @property
    def earned(self) -> int:
        """The points it earned: all of them, or none."""
        return self.criterion.points if self.verdict is Verdict.PASSED else 0


@dataclass(frozen=True)
class Frame:
    """A line of the student's that an exception passed through: file relative to the answers, line."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class AnswerFile:
    """
    A file of the student's, relative to the lab's folder, as it was when it was checked.

    *origin* is the path it was taken from.
    """

    path: str
    sha256: str
    origin: PurePath


@dataclass(frozen=True)
class ServiceInfo:
    """A service that the run used: version, backend, and the seconds until a round trip worked."""

    version: str
    backend: str
    ready_s: Figure


@dataclass(frozen=True)
class Report:
    """
    A finished run of one lab; all that is shown of it anywhere is made from this.

    *notes* are sentences about the run as a whole: what door `direct` cannot promise, a criterion
    judged by ratio, a service that broke. *next_step* is the command or advice to go on with. *seed* is
    what all chance in the run followed from.
    """

    lab: Lab
    kit_version: str
    status: Status
    started_at: datetime
    duration_s: float
    door: str
    results: tuple[CriterionResult, ...]
    challenges: tuple[CriterionResult, ...] = ()
    services: Mapping[str, ServiceInfo] = field(default_factory=dict)
    machine: Mapping[str, str | int | float] = field(default_factory=dict)
    answers: tuple[AnswerFile, ...] = ()
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    next_step: str | None = None
    seed: int = 0

    @property
    def passed(self) -> bool:
        """True when every required criterion ran and passed, and nothing broke."""
        required = [r for r in self.results if r.criterion.required]
        return self.status is Status.COMPLETE and all(r.verdict is Verdict.PASSED for r in required)

    @property
    def earned(self) -> int:
        """Points earned; challenges stand outside."""
        return sum(r.earned for r in self.results)

    @property
    def possible(self) -> int:
        """Points that can be earned; challenges stand outside."""
        return sum(r.criterion.points for r in self.results)
