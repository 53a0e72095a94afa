"""
Exceptions <-> JSON: what one side raised, raised again on the other.

Python's own and the lab's arrive as themselves. Any other arrives under its name, as a class made for
it that derives from the nearest one that both sides know.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Strict, StrictInt, StrictStr

from pytest_labkit.answers.rpc.codec import decode, encode
from pytest_labkit.answers.rpc.errors import AnswerRaised, NotAValue, frames
from pytest_labkit.course.shared_types import Given

_NOT_A_VALUE = f"{NotAValue.__module__}:{NotAValue.__qualname__}"
_Place = Annotated[tuple[StrictStr, StrictInt, StrictStr], Strict(False)]  # a list, in JSON
_LONGEST = 10_000  # characters of what an exception says


class RemoteException(BaseModel):
    """
    An exception as it crosses.

    *types* are its class and those it derives from, nearest first; *own* is the number of one that the
    receiver had raised itself.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    types: list[str]
    text: str
    args: Any
    fields: Any
    frames: list[_Place]
    own: int | None = None


def serialize(error: BaseException, given: Given, answers: Mapping[str, str]) -> dict[str, Any]:
    """
    *error* as JSON; whatever a student's class makes of itself, this does not raise.

    Args:
        error: What was raised.
        given: The classes that both sides know.
        answers: The student's files, whose frames are told: absolute path -> path relative to the lab.
    """
    return {
        "types": [_name(kind) for kind in type(error).__mro__],
        "text": _text(error),
        "args": _encoded(lambda: list(error.args), given, []),
        "fields": _encoded(lambda: _fields(error), given, {"$": "dict", "v": []}),
        "frames": [[frame.file, frame.line, frame.function] for frame in frames(error, answers)],
        "own": getattr(error, "labkit_number", None),
    }


def rebuild(raised: RemoteException, given: Given) -> BaseException:
    """The exception that *raised* tells of."""
    if _NOT_A_VALUE in raised.types[:1]:
        return NotAValue(raised.text)
    kinds = [given.find(name) for name in raised.types]
    known = [kind for kind in kinds if kind is not None and issubclass(kind, Exception)]
    if known and kinds[0] is known[0]:
        with contextlib.suppress(Exception):  # an __init__ that does not take its own args
            return _itself(known[0], raised, given)
    return _by_name(known[0] if known else Exception, raised, given)


def _name(kind: type) -> str:
    # Past a metaclass that would rather not say.
    module = type.__getattribute__(kind, "__module__")
    return f"{module}:{type.__getattribute__(kind, '__qualname__')}"


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_LONGEST]
    except Exception as broken:
        return f"(its str() raised {type(broken).__name__})"


def _fields(error: BaseException) -> dict[str, Any]:
    return {name: value for name, value in vars(error).items() if not name.startswith("labkit_")}


def _encoded(get: Any, given: Given, otherwise: Any) -> Any:
    try:
        return encode(get(), given)
    except Exception:  # not values, or a class that will not show them: its text has to do
        return otherwise


def _by_name(nearest: type[Exception], raised: RemoteException, given: Given) -> BaseException:
    """An exception of a class with the name of the other side's, that derives from *nearest*."""
    name = "".join(raised.types[:1]).rpartition(":")[2].rpartition(".")[2]
    error = AnswerRaised.named(name, raised.text, nearest)
    with contextlib.suppress(Exception):
        vars(error).update(decode(raised.fields, given))
    return error


def _itself(kind: type[Exception], raised: RemoteException, given: Given) -> BaseException:
    """An exception of this very class, as if made by the other side's arguments."""
    args = decode(raised.args, given)
    if kind.__module__ == "builtins":
        return kind(*args)
    error = kind.__new__(kind, *args)
    error.args = tuple(args)
    vars(error).update(decode(raised.fields, given))
    return error
