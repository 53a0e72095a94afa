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


class Plan(BaseModel):
    """
    The programs of a lab, in *package* of the lab's, and the services of the kit's that they need.

    What a program calls is another program or one of the services. *alerts* is the file of the lab's, or of
    the student's, with alert rules about the programs' metrics.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    package: str
    services: tuple[str, ...] = ()
    programs: tuple[Program, ...]
    alerts: str | None = None

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

    def links(self) -> Iterator[tuple[str, str]]:
        """Who calls whom."""
        return ((program.name, callee) for program in self.programs for callee in program.calls)


def read(lab: Lab) -> Plan:
    """
    The plan of *lab*.

    Raises:
        UsageProblem: It has none, or the file is wrong.
    """
    file = lab.folder / FILE
    shown = Path(*file.parts[-3:])
    try:
        return Plan.model_validate(tomllib.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        raise UsageProblem(f"{lab.id} has no programs to start: --chaos is for a lab that has.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageProblem(f"{shown} is no TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        what = first["msg"].removeprefix("Value error, ")
        raise UsageProblem(f"{shown} is wrong{f' at {where}' if where else ''}: {what}.") from None
