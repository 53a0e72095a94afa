"""Whether a student has begun: read from the syntax of the file, nothing is imported or run."""

from __future__ import annotations

import ast
from pathlib import Path

from pytest_labkit.answers.raised import Frame
from pytest_labkit.answers.staging import Staged
from pytest_labkit.model import Criterion


def untouched(staged: Staged, criterion: Criterion) -> NotImplementedError | None:
    """
    What the place that *criterion* names (`look_at`) would raise if it were called, if it is a stub still.

    A stub is a function that does nothing but raise `NotImplementedError`, with a docstring or without.
    """
    file, _, definition = (criterion.look_at or "").partition(":")
    origin = next((answer.origin for answer in staged.files if answer.path == file), None)
    function = _function(origin, definition) if origin else None
    if function is None:
        return None
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return None
    said = _not_implemented(body[0].exc)
    if said is None:
        return None
    error = NotImplementedError(*said)
    error.labkit_frames = [Frame(file, body[0].lineno, function.name)]  # type: ignore[attr-defined]
    return error


def _function(path: Path, qualified_name: str) -> ast.FunctionDef | None:
    """The function of that name, such as `EventStore.append_events`, in the file *path*."""
    try:
        found: ast.AST | None = ast.parse(path.read_text("utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None
    for name in qualified_name.split("."):
        body = getattr(found, "body", [])
        found = next((node for node in body if getattr(node, "name", None) == name), None)
    return found if isinstance(found, ast.FunctionDef) else None


def _not_implemented(raised: ast.expr | None) -> list[str] | None:
    """The arguments of a `NotImplementedError`, as far as they are texts; `None` if it is something else."""
    called = raised.func if isinstance(raised, ast.Call) else raised
    if not isinstance(called, ast.Name) or called.id != "NotImplementedError":
        return None
    arguments = raised.args if isinstance(raised, ast.Call) else []
    return [a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, str)]
