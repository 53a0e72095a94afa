"""
Values <-> JSON, for what crosses between a test and a student's process.

Values only, of exact types: `None`, `bool`, `int`, `float`, `str`, `bytes`, `datetime`, `date`,
`timedelta`, `Decimal`, `UUID`, `list`, `tuple`, `set`, `frozenset`, `dict`, the pydantic models of the
lab's given files, and classes that both sides know. A subclass that a student made of one of them is
not a value, so nothing arrives whose `==` could lie. No pickle.

A tagged value is `{"$": tag, "v": …}`; plain JSON values stand for themselves.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from pytest_labkit.answers.rpc.errors import NotAValue
from pytest_labkit.course.shared_types import Given

Refer = Callable[[Any], dict[str, Any]]
Resolve = Callable[[str, Any], Any]
REFERENCES = ("ref", "own")
"""Tags of what is no value: an object of the sender's, and one that the receiver had sent."""

DEEPEST = 64


def tagged(tag: str, value: Any) -> dict[str, Any]:
    """An encoded value of the kind *tag*."""
    return {"$": tag, "v": value}


def encode(value: Any, given: Given, refer: Refer | None = None, depth: int = 0) -> Any:
    """
    *value* as JSON.

    Args:
        value: What is to cross.
        given: The classes that both sides know.
        refer: Makes a tagged reference of what is not a value; without it that is an error.
        depth: How deep in a nested value this is.

    Raises:
        NotAValue: *value*, or something in it, cannot cross.
    """
    if depth > DEEPEST:
        raise NotAValue(f"a value that is nested deeper than {DEEPEST} cannot be passed on")
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else tagged("float", repr(value))
    kind = _plain_kind(kind)
    if kind in _SCALARS:
        return tagged(kind.__name__, _SCALARS[kind][0](value))
    if kind in _SEQUENCES:
        return _sequence(kind, value, given, refer, depth)
    if kind is dict:
        return tagged("dict", _pairs(value, given, refer, depth))
    if issubclass(kind, BaseModel) and (name := given.name_of(kind)):
        return tagged("model", {"type": name, "fields": _pairs(value.__dict__, given, refer, depth)})
    if issubclass(kind, type) and (name := given.name_of(value)):
        return tagged("class", name)
    if refer is not None:
        return refer(value)
    raise NotAValue(f"a {kind.__name__} is not a value that can be passed on")


def decode(data: Any, given: Given, resolve: Resolve | None = None) -> Any:
    """
    The value that *data* stands for; the inverse of `encode`.

    Raises:
        NotAValue: *data* is not what `encode` makes.
    """
    try:
        return _decoded(data, given, resolve, 0)
    except NotAValue:
        raise
    except Exception as error:  # a time that is none, a key that has no hash: whatever was made up
        raise NotAValue(f"a value that cannot be: {type(error).__name__}: {str(error)[:80]}") from None


def _decoded(data: Any, given: Given, resolve: Resolve | None, depth: int) -> Any:
    if depth > DEEPEST:
        raise NotAValue(f"a value that is nested deeper than {DEEPEST}")
    if data is None or isinstance(data, bool | int | float | str):
        return data
    if isinstance(data, list):
        return [_decoded(item, given, resolve, depth + 1) for item in data]
    if not (isinstance(data, dict) and data.keys() == {"$", "v"}):
        raise NotAValue(f"{str(data)[:80]}, which is not an encoded value")
    tag, inner = data["$"], data["v"]
    if tag in REFERENCES and resolve is not None:
        return resolve(tag, inner)
    if tag in _BY_NAME:
        return _BY_NAME[tag](inner)
    if tag == "dict":
        return _dict(inner, given, resolve, depth)
    if tag in _COLLECTIONS:
        return _COLLECTIONS[tag](_decoded(item, given, resolve, depth + 1) for item in inner)
    if tag in _CLASSES:
        return _CLASSES[tag](inner, given, resolve, depth)
    raise NotAValue(f"{str(tag)[:40]!r}, which is not a kind of value")


def _plain_kind(kind: type) -> type:
    """*kind*, or the class of times that freezegun has put it in the place of while a clock is frozen."""
    if kind.__module__ == "freezegun.api":
        return next((plain for plain in (datetime, date) if issubclass(kind, plain)), kind)
    return kind


def _pairs(items: dict[Any, Any], given: Given, refer: Refer | None, depth: int) -> list[Any]:
    return [[encode(part, given, refer, depth + 1) for part in pair] for pair in items.items()]


def _dict(pairs: Any, given: Given, resolve: Resolve | None, depth: int) -> dict[Any, Any]:
    made = {
        _decoded(key, given, resolve, depth + 1): _decoded(part, given, resolve, depth + 1)
        for key, part in pairs
    }
    if len(made) < len(pairs):
        raise NotAValue("a dict with the same key twice")
    return made


def _sequence(kind: type, value: Any, given: Given, refer: Refer | None, depth: int) -> Any:
    if kind is list and (rows := _rows(value, given, refer, depth)):
        return rows
    items = [encode(item, given, refer, depth + 1) for item in value]
    return items if kind is list else tagged(kind.__name__, items)


def _rows(models: list[Any], given: Given, refer: Refer | None, depth: int) -> dict[str, Any] | None:
    """
    A list of models of one class that have the same fields, as a table; `None` of any other list.

    A batch of events is one: so it takes a fifth of the time that its events one by one would.
    """
    kind = type(models[0]) if len(models) > 1 else object
    if not issubclass(kind, BaseModel) or any(type(model) is not kind for model in models):
        return None
    names, name = tuple(models[0].__dict__), given.name_of(kind)
    if name is None or any(tuple(model.__dict__) != names for model in models):
        return None
    rows = [
        [
            part if type(part) in _PLAIN else encode(part, given, refer, depth + 2)
            for part in model.__dict__.values()
        ]
        for model in models
    ]
    return tagged("models", {"type": name, "names": list(names), "rows": rows})


def _class(name: str, given: Given, *_: Any) -> type:
    kind = given.find(name)
    if kind is None:
        raise NotAValue(f"{name[:80]}, which is no class of {given.package}")
    return kind


def _model(inner: dict[str, Any], given: Given, resolve: Resolve | None, depth: int) -> BaseModel:
    kind = _model_class(inner["type"], given)
    return _made(kind, _dict(inner["fields"], given, resolve, depth))


def _models(inner: dict[str, Any], given: Given, resolve: Resolve | None, depth: int) -> list[BaseModel]:
    kind, names = _model_class(inner["type"], given), inner["names"]
    rows = [
        [part if type(part) in _PLAIN else _decoded(part, given, resolve, depth + 2) for part in row]
        for row in inner["rows"]
    ]
    return [_made(kind, dict(zip(names, row, strict=True))) for row in rows]


def _model_class(name: str, given: Given) -> type[BaseModel]:
    kind = _class(name, given)
    if not issubclass(kind, BaseModel):
        raise NotAValue(f"{name}, which is not a model of {given.package}")
    return kind


def _made(kind: type[BaseModel], fields: dict[str, Any]) -> BaseModel:
    """A model with exactly these fields: not validated, so that an invalid event crosses as it is."""
    made = kind.__new__(kind)
    made.__setstate__(
        {
            "__dict__": fields,
            "__pydantic_fields_set__": set(fields),
            "__pydantic_extra__": None,
            "__pydantic_private__": None,
        }
    )
    return made


_PLAIN = (str, int, bool, type(None))
_SEQUENCES = (list, tuple, set, frozenset)
_COLLECTIONS: dict[str, Callable[[Any], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}
_SCALARS: dict[type, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    bytes: (lambda value: base64.b64encode(value).decode("ascii"), base64.b64decode),
    datetime: (datetime.isoformat, datetime.fromisoformat),
    date: (date.isoformat, date.fromisoformat),
    timedelta: (
        lambda value: f"{value.days} {value.seconds} {value.microseconds}",
        lambda text: timedelta(*map(int, text.split())),
    ),
    Decimal: (str, Decimal),
    UUID: (str, UUID),
}
_BY_NAME: dict[str, Callable[[str], Any]] = {kind.__name__: pair[1] for kind, pair in _SCALARS.items()}
_BY_NAME["float"] = float
_CLASSES: dict[str, Callable[..., Any]] = {"class": _class, "model": _model, "models": _models}
