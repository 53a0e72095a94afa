"""An object that stayed in the student's process, as a test holds it."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import TYPE_CHECKING, Any

from pytest_labkit.answers.rpc.errors import NotAValue

if TYPE_CHECKING:
    from pytest_labkit.answers.process import ProcessAnswers


class Handle:
    """
    An object in the child: attributes and calls go there, values come back.

    Its class bears the name of the object's, so that what a test says of an odd value (`a Liar`,
    `'generator' object is not subscriptable`) is what it would say of the value itself.
    """

    __slots__ = ("_labkit_door", "_labkit_label", "_labkit_number")

    def __init__(self, door: ProcessAnswers, number: int, label: str) -> None:
        for name, value in (("_labkit_door", door), ("_labkit_number", number), ("_labkit_label", label)):
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("__", "_labkit_")):
            raise AttributeError(name)
        return self._labkit_door.get(self._labkit_number, self._labkit_label, name)

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


def handle(door: ProcessAnswers, told: dict[str, Any], label: str) -> Handle:
    """A handle to what the child told of: its number and the name of its class."""
    number, name = told["number"], told["type"]
    if type(number) is not int or type(name) is not str or len(name) > 100:
        raise NotAValue(f"{str(told)[:80]}, which is no reference")
    return _class(name)(door, number, label)


@cache
def _class(name: str) -> type[Handle]:
    return type(name, (Handle,), {"__slots__": ()})


def number_of(value: Handle, door: ProcessAnswers) -> int:
    """The number by which the child of *door* knows *value*."""
    if value._labkit_door is not door:
        raise NotAValue("an object of another process cannot be passed to this one")
    return int(value._labkit_number)
