"""What a student's process may send: replies, calls of what it was given, and references to its objects."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pytest_labkit.answers.rpc.errors import NotAValue
from pytest_labkit.answers.rpc.exceptions import RemoteException

LONGEST_NAME = 100
MOST_CALLABLES = 1_000

Frame = dict[str, Any]
Kind = Literal["function", "method", "type"]
"""What a callable attribute is: the name of its class, as Python has it."""

_Name = Annotated[str, Field(max_length=LONGEST_NAME)]


class BadFrame(Exception):
    """The peer sent something that is not a frame, or one that nobody asked for."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Frame(_Strict):
    thread: int
    closed: list[int] = []


class _Returned(_Frame):
    reply: int
    value: Any


class _Raised(_Frame):
    reply: int
    raised: RemoteException


class _CallsBack(_Frame):
    call: int
    of: int
    args: Any
    kwargs: Any


class Reference(_Strict):
    """An object that stays in the child: its number, the name of its class, what of it can be called."""

    number: int
    type: _Name
    callables: Annotated[dict[_Name, Kind], Field(max_length=MOST_CALLABLES)] = {}


_FROM_A_CHILD: TypeAdapter[Any] = TypeAdapter(_Returned | _Raised | _CallsBack)


def from_a_child(frame: Frame) -> Frame:
    """
    *frame*, if a child may send such a one.

    Raises:
        BadFrame: It may not.
    """
    try:
        _FROM_A_CHILD.validate_python(frame)
    except ValidationError:
        raise BadFrame(f"a frame that is neither a reply nor a call: {str(frame)[:120]}") from None
    return frame


def reference(data: Any) -> Reference:
    """
    What the child says of an object that stays there.

    Raises:
        NotAValue: It is no such thing.
    """
    try:
        return Reference.model_validate(data)
    except ValidationError:
        raise NotAValue(f"{str(data)[:80]}, which is no reference") from None
