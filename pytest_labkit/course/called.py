"""Which of a student's functions a line of a test calls, read from the sources of both."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType

from pytest_labkit.course.syntax import tree
from pytest_labkit.domain.model import Criterion, Frame, Lab

# What a test calls on its own lists and dictionaries, too.
_ANYBODYS = {
    "add",
    "append",
    "clear",
    "close",
    "copy",
    "get",
    "items",
    "join",
    "keys",
    "pop",
    "start",
    "update",
    "values",
}

_Definitions = Mapping[str, list[Frame]]


def last_call(
    traceback: TracebackType | None, lab: Lab, criterion: Criterion, answers: Mapping[str, str]
) -> Frame | None:
    """
    The definition of what the failed check called: in the statement that failed, else the last before it.

    Functions of *lab*'s tests are looked at from the innermost outwards.

    Args:
        traceback: Of what the test raised.
        lab: The lab.
        criterion: Its `look_at` says which of several definitions of one name is meant.
        answers: The student's files: absolute path -> path relative to the lab.
    """
    known = _definitions(criterion, answers)
    for path, line in reversed(list(_lines(traceback, lab.folder, answers))):
        called = [name for name in _calls(path, line) if name in known]
        if called:
            return known[called[0]][0]
    return None


def _lines(
    traceback: TracebackType | None, folder: Path, answers: Mapping[str, str]
) -> Iterator[tuple[Path, int]]:
    while traceback is not None:
        path = Path(traceback.tb_frame.f_code.co_filename)
        if path.is_relative_to(folder) and str(path) not in answers:
            yield path, traceback.tb_lineno
        traceback = traceback.tb_next


def _definitions(criterion: Criterion, answers: Mapping[str, str]) -> _Definitions:
    """The functions of *answers* by name, those in the place that *criterion* names before others."""
    file, _, named = (criterion.look_at or "").partition(":")
    found: dict[str, list[Frame]] = {}
    for path, relative in answers.items():
        for name, line in _defined(Path(path)):
            found.setdefault(name.rpartition(".")[2], []).append(Frame(relative, line, name))
    wanted = named.rpartition(".")[2]
    for name in _ANYBODYS - {wanted}:
        found.pop(name, None)
    scope = named.rpartition(".")[0]
    for frames in found.values():
        frames.sort(key=lambda frame: (frame.file != file, frame.function.rpartition(".")[0] != scope))
    return found


def _defined(path: Path) -> list[tuple[str, int]]:
    """The public functions of the file *path*, those of its classes included, each with its line."""
    top = tree(path).body
    scopes = [("", top), *((f"{n.name}.", n.body) for n in top if isinstance(n, ast.ClassDef))]
    return [
        (f"{prefix}{node.name}", node.lineno)
        for prefix, body in scopes
        for node in body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    ]


def _calls(path: Path, line: int) -> list[str]:
    """What the function around *line* calls, up to there: first what the statement calls, the last first."""
    function = _around(ast.walk(tree(path)), line, ast.FunctionDef | ast.AsyncFunctionDef)
    if function is None:
        return []
    statement = _around(
        ast.walk(function), line, ast.Expr | ast.Assign | ast.Return | ast.Assert | ast.AnnAssign
    )
    here = _called(ast.walk(statement)) if statement else []
    first = statement.lineno if statement else line + 1
    before = [(at, name) for at, name in _called(ast.walk(function)) if at[0] < first]
    return [name for calls in (here, before) for _, name in sorted(calls, reverse=True)]


def _around(nodes: Iterable[ast.AST], line: int, kinds: type | object) -> ast.stmt | None:
    """The smallest of *nodes* of these *kinds* that *line* is part of."""
    around = [
        node
        for node in nodes
        if isinstance(node, kinds) and node.lineno <= line <= (node.end_lineno or node.lineno)  # type: ignore[arg-type,attr-defined]
    ]
    return min(around, key=lambda node: (node.end_lineno or 0) - node.lineno, default=None)  # type: ignore[attr-defined,return-value]


def _called(nodes: Iterable[ast.AST]) -> list[tuple[tuple[int, int], str]]:
    """What is called, or handed on to be called, each with its place."""
    return [((node.lineno, node.col_offset), node.attr) for node in nodes if isinstance(node, ast.Attribute)]
