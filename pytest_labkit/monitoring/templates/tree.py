"""What a template is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Literal:
    """A constant."""

    value: Any


@dataclass(frozen=True)
class Dot:
    """What is looked at: `.`, or fields of it."""

    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Variable:
    """A variable, or fields of it."""

    name: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Function:
    """A function's name."""

    name: str


@dataclass(frozen=True)
class Chain:
    """Fields of what a function or a pipeline gives."""

    of: Function | Pipeline
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Pipeline:
    """Commands, each given what the one before it gives; *names* are the variables that get it in the end."""

    commands: tuple[tuple[Operand, ...], ...]
    names: tuple[str, ...] = ()
    declares: bool = True


Operand = Literal | Dot | Variable | Function | Chain | Pipeline


@dataclass(frozen=True)
class Text:
    """Text that is shown as it is."""

    text: str


@dataclass(frozen=True)
class Branch:
    """`if`, `with` or `range`, as *kind* says."""

    kind: str
    pipeline: Pipeline
    body: Body
    otherwise: Body


@dataclass(frozen=True)
class Jump:
    """`break` or `continue`."""

    kind: str


@dataclass(frozen=True)
class Include:
    """`template`: the one of that name, looking at what *pipeline* gives."""

    name: str
    pipeline: Pipeline | None


Body = tuple["Text | Pipeline | Branch | Jump | Include", ...]


@dataclass(frozen=True)
class Template:
    """A whole template, and those that it defines."""

    body: Body
    defined: dict[str, Body] = field(default_factory=dict)
