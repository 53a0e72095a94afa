"""A student's source, read from its syntax: where a name is defined, whether it is still a stub."""

from __future__ import annotations

import ast
from pathlib import Path

from pytest_labkit.course.submission import Staged
from pytest_labkit.course.syntax import tree
from pytest_labkit.domain.model import Criterion, Frame


def line_of(path: Path, qualified_name: str) -> int | None:
    """The line where *qualified_name*, such as `EventStore.append_events`, is defined in *path*."""
    found = _definitions(path, qualified_name)
    return getattr(found[-1], "lineno", None) if found else None


def _function(path: Path, qualified_name: str) -> ast.FunctionDef | None:
    """The function *qualified_name* in *path*, `None` if there is none of that name."""
    found = _definitions(path, qualified_name)
    whole = len(found) == len(qualified_name.split("."))
    return found[-1] if whole and isinstance(found[-1], ast.FunctionDef) else None


def _definitions(path: Path, qualified_name: str) -> list[ast.stmt]:
    """What the parts of *qualified_name* define in *path*, from the outside in, as far as they are there."""
    scope = tree(path).body
    found: list[ast.stmt] = []
    for name in qualified_name.split("."):
        node = next((node for node in scope if getattr(node, "name", None) == name), None)
        if node is None:
            break
        found.append(node)
        scope = getattr(node, "body", [])
    return found


def untouched(staged: Staged, criterion: Criterion) -> NotImplementedError | None:
    """
    What the place that *criterion* names (`look_at`) would raise if it were called, if it is a stub still.

    A stub is a function that does nothing but raise `NotImplementedError`, with a docstring or without.
    """
    file, _, definition = (criterion.look_at or "").partition(":")
    origin = staged.origin_of(file)
    stub = _function(origin, definition) if origin else None
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
