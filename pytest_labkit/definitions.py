"""Where in a file something is defined: read from its syntax, nothing is imported or run."""

from __future__ import annotations

import ast
from pathlib import Path


def line_of(path: Path, qualified_name: str) -> int | None:
    """The line where *qualified_name*, such as `EventStore.append_events`, is defined in *path*."""
    found = definitions(path, qualified_name)
    return getattr(found[-1], "lineno", None) if found else None


def function(path: Path, qualified_name: str) -> ast.FunctionDef | None:
    """The function *qualified_name* in *path*, `None` if there is none of that name."""
    found = definitions(path, qualified_name)
    whole = len(found) == len(qualified_name.split("."))
    return found[-1] if whole and isinstance(found[-1], ast.FunctionDef) else None


def definitions(path: Path, qualified_name: str) -> list[ast.stmt]:
    """What the parts of *qualified_name* define in *path*, from the outside in, as far as they are there."""
    try:
        scope: list[ast.stmt] = ast.parse(path.read_text("utf-8")).body
    except (OSError, SyntaxError, ValueError):
        return []
    found: list[ast.stmt] = []
    for name in qualified_name.split("."):
        node = next((node for node in scope if getattr(node, "name", None) == name), None)
        if node is None:
            break
        found.append(node)
        scope = getattr(node, "body", [])
    return found
