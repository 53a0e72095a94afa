"""Python's files read as syntax: a student's may be whatever Python takes, and what it does not take."""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache
from pathlib import Path


def tree(path: Path) -> ast.Module:
    """The syntax of the file *path*, an empty module if there is none: whoever loads it is told."""
    return tree_if_any(path) or ast.Module([], [])


def tree_if_any(path: Path) -> ast.Module | None:
    """
    The syntax of the file *path*, `None` where there is none to be had.

    It is read as bytes, as Python does: a mark of the encoding, or a comment that names one, counts. What
    Python compiles can be too deep for a tree all the same (a sum of 2,900 terms).
    """
    try:
        return _parsed(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=100)
def _parsed(source: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an escape that Python does not know: whoever loads it is told
        return ast.parse(source)
