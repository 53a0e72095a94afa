"""Which attributes of an object can be called without being asked for first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from types import FunctionType, ModuleType
from typing import Any

from pytest_labkit.answers.rpc.frames import LONGEST_NAME, MOST_CALLABLES, Kind
from pytest_labkit.course.shared_types import Given


def callables(value: Any, given: Given) -> dict[str, Kind]:
    """
    The functions of *value* by name, and what each is when it is got: those of which nothing else can come.

    Of a module its functions and classes, of a class or an object the functions of its class. Left out is
    whatever Python or the student decides at each access: properties and other descriptors, what an
    instance has put in the place of a method, all that a `__getattribute__` or a metaclass could touch.
    """
    if type(value) is ModuleType:
        found = ((name, _in_module(part, given)) for name, part in vars(value).items())
    elif type(value) is type:
        found = ((name, _in_class(part)) for name, part in _attributes(value).items())
    else:
        own = _own(value)
        found = ((name, _of_instance(part)) for name, part in _methods(type(value)) if name not in own)
    return dict(islice(((name, kind) for name, kind in found if kind and _is_name(name)), MOST_CALLABLES))


def _is_name(name: Any) -> bool:
    """Whether a test could write *name* after a dot: a namespace may hold other keys as well."""
    return type(name) is str and name.isidentifier() and name[:2] != "__" and len(name) <= LONGEST_NAME


def _in_module(part: Any, given: Given) -> Kind | None:
    if type(part) is FunctionType:
        return "function"
    # A class that both sides know crosses as itself.
    return "type" if type(part) is type and given.name_of(part) is None else None


def _in_class(part: Any) -> Kind | None:
    if type(part) is FunctionType or _is_function(part, staticmethod):
        return "function"
    return "method" if _is_function(part, classmethod) else None


def _of_instance(part: Any) -> Kind | None:
    if type(part) is FunctionType or _is_function(part, classmethod):
        return "method"
    return "function" if _is_function(part, staticmethod) else None


def _is_function(part: Any, kind: type[staticmethod[..., Any]] | type[classmethod[Any, ..., Any]]) -> bool:
    return type(part) is kind and type(part.__func__) is FunctionType


def _methods(kind: type) -> Iterable[tuple[str, Any]]:
    """The attributes of a class whose instances are looked up as Python does it, else none."""
    attributes = _attributes(kind)
    return () if "__getattribute__" in attributes else attributes.items()


def _attributes(kind: type) -> dict[str, Any]:
    """What *kind* and those that it derives from define, but `object`: of a name what comes first."""
    found: dict[str, Any] = {}
    for base in reversed(type.__getattribute__(kind, "__mro__")[:-1]):
        found |= type.__getattribute__(base, "__dict__")
    return found


def _own(value: Any) -> Mapping[str, Any]:
    """The instance's own attributes."""
    try:
        own = object.__getattribute__(value, "__dict__")
    except Exception:  # it has none, or its class has a property in that place
        return {}
    return own if type(own) is dict else {}
