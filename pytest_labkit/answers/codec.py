"""
Values <-> JSON, for what crosses between a test and a student's process.

Values only, of exact types: `None`, `bool`, `int`, `float`, `str`, `bytes`, `datetime`, `Decimal`,
`list`, `tuple`, `set`, `dict`, and the pydantic models of the lab's given files. A subclass that a
student made of one of them is not a value, so nothing arrives whose `==` could lie. No pickle.

A tagged value is `{"$": tag, "v": …}`; plain JSON values stand for themselves.
"""

from __future__ import annotations

import base64
import importlib
import math
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from pytest_labkit.answers.raised import NotAValue

Refer = Callable[[Any], Any]
_DEEPEST = 64


def encode(value: Any, given: str, refer: Refer | None = None, depth: int = 0) -> Any:
    """
    *value* as JSON.

    Args:
        value: What is to cross.
        given: The lab's package; models of its modules may cross.
        refer: Makes a reference of what is not a value; without it that is an error.
        depth: How deep in a nested value this is.

    Raises:
        NotAValue: *value*, or something in it, cannot cross.
    """
    if depth > _DEEPEST:
        raise NotAValue(f"a value is nested deeper than {_DEEPEST}")
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else _tagged("float", repr(value))
    if kind in _SCALARS:
        return _tagged(kind.__name__, _SCALARS[kind][0](value))
    if kind in _SEQUENCES:
        items = [encode(item, given, refer, depth + 1) for item in value]
        return items if kind is list else _tagged(kind.__name__, items)
    if kind is dict:
        pairs = [[encode(part, given, refer, depth + 1) for part in pair] for pair in value.items()]
        return _tagged("dict", pairs)
    if isinstance(value, BaseModel) and _is_given(kind, given):
        fields = {name: encode(part, given, refer, depth + 1) for name, part in value.__dict__.items()}
        return _tagged("model", {"type": f"{kind.__module__}:{kind.__qualname__}", "fields": fields})
    if refer is not None:
        return _tagged("ref", refer(value))
    raise NotAValue(f"a {kind.__name__} is not a value that can be passed on")


def decode(data: Any, given: str, resolve: Refer | None = None) -> Any:
    """
    The value that *data* stands for; the inverse of `encode`.

    Raises:
        NotAValue: *data* is not what `encode` makes.
    """
    if data is None or isinstance(data, bool | int | float | str):
        return data
    if isinstance(data, list):
        return [decode(item, given, resolve) for item in data]
    if not (isinstance(data, dict) and data.keys() == {"$", "v"}):
        raise NotAValue(f"{str(data)[:80]} is not an encoded value")
    tag, inner = data["$"], data["v"]
    if tag == "ref" and resolve is not None:
        return resolve(inner)
    if tag in _BY_NAME:
        return _BY_NAME[tag](inner)
    if tag == "dict":
        return {decode(key, given, resolve): decode(part, given, resolve) for key, part in inner}
    if tag in ("tuple", "set", "frozenset"):
        kind = {"tuple": tuple, "set": set, "frozenset": frozenset}[tag]
        return kind(decode(item, given, resolve) for item in inner)
    if tag == "model":
        return _model(inner, given, resolve)
    raise NotAValue(f"{tag!r} is not a kind of value")


def _tagged(tag: str, value: Any) -> dict[str, Any]:
    return {"$": tag, "v": value}


def _is_given(kind: type, given: str) -> bool:
    """Whether *kind* is a class of one of the lab's given modules, under its own name there."""
    if not kind.__module__.startswith(f"{given}."):
        return False
    module = importlib.import_module(kind.__module__)
    return getattr(module, kind.__qualname__, None) is kind


def _model(inner: dict[str, Any], given: str, resolve: Refer | None) -> BaseModel:
    """A model with exactly these fields: not validated, so that an invalid event crosses as it is."""
    module_name, _, name = inner["type"].partition(":")
    kind = (
        getattr(importlib.import_module(module_name), name, None)
        if module_name.startswith(f"{given}.")
        else None
    )
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        raise NotAValue(f"{inner['type']} is not a model of {given}")
    made = kind.model_construct()
    made.__dict__.clear()
    made.__dict__.update({key: decode(part, given, resolve) for key, part in inner["fields"].items()})
    return made


_SEQUENCES = (list, tuple, set, frozenset)
_SCALARS: dict[type, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    bytes: (lambda value: base64.b64encode(value).decode("ascii"), base64.b64decode),
    datetime: (datetime.isoformat, datetime.fromisoformat),
    Decimal: (str, Decimal),
}
_BY_NAME: dict[str, Callable[[str], Any]] = {kind.__name__: pair[1] for kind, pair in _SCALARS.items()}
_BY_NAME["float"] = float
