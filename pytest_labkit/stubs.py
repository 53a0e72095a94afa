"""Whether a student has begun: read from the syntax of the file, nothing is imported or run."""

from __future__ import annotations

import ast

from pytest_labkit.answers.raised import Frame
from pytest_labkit.answers.staging import Staged
from pytest_labkit.definitions import function
from pytest_labkit.model import Criterion


def untouched(staged: Staged, criterion: Criterion) -> NotImplementedError | None:
    """
    What the place that *criterion* names (`look_at`) would raise if it were called, if it is a stub still.

    A stub is a function that does nothing but raise `NotImplementedError`, with a docstring or without.
    """
    file, _, definition = (criterion.look_at or "").partition(":")
    origin = staged.origin_of(file)
    stub = function(origin, definition) if origin else None
    if stub is None:
        return None
    body = stub.body[1:] if ast.get_docstring(stub) is not None else stub.body
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return None
    said = _not_implemented(body[0].exc)
    if said is None:
        return None
    error = NotImplementedError(*said)
    error.labkit_frames = [Frame(file, body[0].lineno, stub.name)]  # type: ignore[attr-defined]
    return error


def _not_implemented(raised: ast.expr | None) -> list[str] | None:
    """The arguments of a `NotImplementedError`, as far as they are texts; `None` if it is something else."""
    called = raised.func if isinstance(raised, ast.Call) else raised
    if not isinstance(called, ast.Name) or called.id != "NotImplementedError":
        return None
    arguments = raised.args if isinstance(raised, ast.Call) else []
    return [a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, str)]
