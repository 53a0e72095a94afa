"""A value as every format can show it: no text in it commands a terminal, no figure is infinite."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from pathlib import PurePath
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

from pytest_labkit.domain.kinds import Figure, Prose
from pytest_labkit.report.plain import line, plain

T = TypeVar("T")


def harmless(value: T, kinds: tuple[Any, ...] = ()) -> T:
    """
    *value*, a dataclass and all that it holds, with texts made plain: on one line, but for `Prose`.

    A float that is no number becomes `None` where its field may be that (*kinds* is what the field may be),
    NaN where it may be a `Figure`, else 0. Instants are whole seconds in UTC.
    """
    made: Any = value
    if isinstance(value, str) and not isinstance(value, Enum):
        made = plain(value) if Prose in kinds else line(value)
    elif isinstance(value, float):
        made = value if math.isfinite(value) else _no_number(kinds)
    elif isinstance(value, datetime):
        made = value.astimezone(UTC).replace(microsecond=0)
    elif isinstance(value, PurePath):
        made = type(value)(line(str(value)))
    elif isinstance(value, tuple):
        made = tuple(harmless(one, kinds) for one in value)
    elif isinstance(value, Mapping):
        made = {line(name): harmless(one, kinds) for name, one in value.items()}
    elif is_dataclass(value):
        named = _kinds(made.__class__).items()
        made = replace(made, **{name: harmless(getattr(made, name), kinds) for name, kinds in named})
    return made  # type: ignore[no-any-return]


def _no_number(kinds: tuple[Any, ...]) -> float | None:
    if NoneType in kinds:
        return None
    return math.nan if Figure in kinds else 0.0


@cache
def _kinds(shape: type) -> dict[str, tuple[Any, ...]]:
    """What each field of the dataclass *shape* may be, or may hold: all types that its annotation names."""
    hints = get_type_hints(shape, include_extras=True)
    return {field.name: tuple(_named(hints[field.name])) for field in fields(shape)}


def _named(hint: Any) -> list[Any]:
    inside = () if hint in (Prose, Figure) else get_args(hint)
    return [hint, *(found for one in inside for found in _named(one))]
