"""What a lab's system consists of, as its `system.toml` says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.domain.model import Lab

FILE = "system.toml"


class Program(BaseModel):
    """A program: its name, which is also that of its module, and what it calls."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    calls: tuple[str, ...] = ()


class Rate(BaseModel):
    """A number for each program: *query* is PromQL, and gives one for each value of the label `job`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    query: str


class Gauge(BaseModel):
    """
    A list of names and values: the labels *label* and *value* of each series that *query*, PromQL, gives.

    A value is good, bad, or neither; *none* is shown while there is no series.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    query: str
    label: str
    value: str
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    none: str = "None."


class Plan(BaseModel):
    """
    The programs of a lab, in *package* of the lab's, and the services of the kit's that they need.

    What a program calls is another program or one of the services. *alerts* is the file of the lab's, or of
    the student's, with alert rules about the programs' metrics; *rate* and *gauges* are what the page shows
    of these. *probes* are those that the lab adds to the kit's for experiments: the name of each, and the key
    at `/health` that it reads.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    package: str
    services: tuple[str, ...] = ()
    programs: tuple[Program, ...]
    alerts: str | None = None
    rate: Rate | None = None
    gauges: tuple[Gauge, ...] = ()
    probes: dict[str, str] = {}

    @model_validator(mode="after")
    def _calls_are_known(self) -> Self:
        known = {*self.services, *self.names}
        for caller, callee in self.links():
            if callee not in known:
                raise ValueError(f"{caller} calls {callee!r}, which is not there")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the programs."""
        return tuple(program.name for program in self.programs)

    @property
    def calls(self) -> dict[str, tuple[str, ...]]:
        """What each program calls."""
        return {program.name: program.calls for program in self.programs}

    @property
    def ways(self) -> tuple[str, ...]:
        """The names of the links: `order-payment`."""
        return tuple(f"{caller}-{callee}" for caller, callee in self.links())

    def links(self) -> Iterator[tuple[str, str]]:
        """Who calls whom."""
        return ((program.name, callee) for program in self.programs for callee in program.calls)


def read(lab: Lab) -> Plan:
    """
    The plan of *lab*.

    Raises:
        UsageProblem: It has none, or the file is wrong.
    """
    try:
        return of(lab.folder / FILE)
    except FileNotFoundError:
        raise UsageProblem(f"{lab.id} has no programs to start: --chaos is for a lab that has.") from None


def of(file: Path) -> Plan:
    """
    The plan in *file*.

    Raises:
        FileNotFoundError: It is not there.
        UsageProblem: It is wrong.
    """
    shown = Path(*file.parts[-3:])
    try:
        return Plan.model_validate(tomllib.loads(file.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageProblem(f"{shown} is no TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        what = first["msg"].removeprefix("Value error, ")
        raise UsageProblem(f"{shown} is wrong{f' at {where}' if where else ''}: {what}.") from None
