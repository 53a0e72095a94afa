"""An object that stayed in the student's process, as a test holds it, and what of it can be called."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from pytest_labkit.answers.rpc.errors import NotAValue
from pytest_labkit.answers.rpc.frames import Reference


class Remote(Protocol):
    """The process that the objects are in. Each of the first three is one round trip."""

    def get(self, of: int, label: str, name: str) -> Any:
        """The attribute *name* of the object *of*."""

    def set(self, of: int, label: str, name: str, value: Any) -> None:
        """Set the attribute *name* of the object *of*."""

    def call(
        self, of: int, label: str, args: tuple[Any, ...], kwargs: dict[str, Any], name: str | None = None
    ) -> Any:
        """Call the object *of*, or its attribute *name*."""

    def is_set(self, name: str) -> bool:
        """Whether a test has set an attribute of this name, of whatever object."""

    def release(self, of: int) -> None:
        """Nobody holds the object *of* any more."""


class Handle:
    """
    An object in the child: attributes and calls go there, values come back.

    Its class bears the name of the object's, so that what a test says of an odd value (`a Liar`,
    `'generator' object is not subscriptable`) is what it would say of the value itself. Of the
    *callables* that came with it none has to be asked for: to call one is one round trip.
    """

    __slots__ = ("_labkit_callables", "_labkit_door", "_labkit_label", "_labkit_number")

    def __init__(self, door: Remote, number: int, label: str, callables: Mapping[str, str]) -> None:
        _fill(
            self,
            _labkit_door=door,
            _labkit_number=number,
            _labkit_label=label,
            _labkit_callables=callables,
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("__", "_labkit_")):
            raise AttributeError(name)
        kind = self._labkit_callables.get(name)
        if kind is None or self._labkit_door.is_set(name):
            return self._labkit_door.get(self._labkit_number, self._labkit_label, name)
        return _named(BoundCall, kind)(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._labkit_door.set(self._labkit_number, self._labkit_label, name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._labkit_door.call(self._labkit_number, self._labkit_label, args, kwargs)

    def __bool__(self) -> bool:
        raise NotAValue(f"a {type(self).__name__}, which is no value that could be true or false")

    def __repr__(self) -> str:
        return f"<an object of the answers: {type(self).__name__}>"

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):
            self._labkit_door.release(self._labkit_number)


class BoundCall:
    """
    A callable attribute of an object in the child, which has not been asked for it.

    To call it is one round trip, in which the child gets and calls what is there by then. For all else
    that a test may do with it the attribute is got first.
    """

    __slots__ = ("_labkit_name", "_labkit_owner")

    def __init__(self, owner: Handle, name: str) -> None:
        _fill(self, _labkit_owner=owner, _labkit_name=name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        owner = self._labkit_owner
        return owner._labkit_door.call(
            owner._labkit_number, owner._labkit_label, args, kwargs, self._labkit_name
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("__", "_labkit_")):
            raise AttributeError(name)
        return getattr(got(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(got(self), name, value)

    def __eq__(self, other: object) -> bool:
        return bool(got(self) == other)

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        return bool(got(self))

    def __repr__(self) -> str:  # local, as a report may ask for it when no child answers any more
        return f"<an object of the answers: {type(self).__name__}>"


def handle(door: Remote, reference: Reference, label: str) -> Handle:
    """A handle to what the child refers to."""
    kind: type[Handle] = _named(Handle, reference.type)
    return kind(door, reference.number, label, reference.callables)


def got(value: BoundCall) -> Any:
    """The attribute itself, as the child has it now."""
    owner = value._labkit_owner
    return owner._labkit_door.get(owner._labkit_number, owner._labkit_label, value._labkit_name)


def path_of(value: Handle | BoundCall, door: Remote) -> list[int | str]:
    """Where the child of *door* finds *value*: an object's number, or that and the name of its attribute."""
    owner = value if isinstance(value, Handle) else value._labkit_owner
    if owner._labkit_door is not door:
        raise NotAValue("an object of another process cannot be passed to this one")
    return [owner._labkit_number] if owner is value else [owner._labkit_number, value._labkit_name]


@cache
def _named(kind: type, name: str) -> Any:
    """The class *kind* under another *name*."""
    return type(name, (kind,), {"__slots__": ()})


def _fill(made: object, **fields: Any) -> None:
    """Set what an object is made of, past its own `__setattr__`."""
    for name, value in fields.items():
        object.__setattr__(made, name, value)
