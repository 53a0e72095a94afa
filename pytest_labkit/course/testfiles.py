"""Which tests the files of a lab hold, and of which criteria: read from their syntax, nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from pytest_labkit.course import manifest
from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.domain.model import CHECKS, Lab


def tests_of(lab: Lab) -> dict[str, list[str]]:
    """
    The tests that the lab's files hold, by criterion, each as `file::function`.

    `@pytest.mark.criterion("A1")` on the function counts, or `pytestmark` for all of a file's functions
    that have no marker of their own.
    """
    found: dict[str, list[str]] = {}
    for path in files_of(lab.folder, "test_*.py"):
        for name, ids in _tests_in(path):
            for id_ in ids:
                found.setdefault(id_, []).append(f"{path.name}::{name}")
    return found


def files_of(folder: Path, pattern: str) -> list[Path]:
    """The files of *pattern* that the lab in *folder* gives: in its `checks/`, and in *folder* itself."""
    return [path for place in (folder, folder / CHECKS) for path in sorted(place.glob(pattern))]


def is_beside(path: Path, root: Path, wanted: Collection[str]) -> bool:
    """
    Whether the file *path* of the project at *root* holds tests of a lab, and none of a *wanted* criterion.

    False where the lab has no *wanted* one at all: whoever mistyped it is to be told.
    """
    folder = manifest.folder_above(path, root)
    if folder is None or path.parent not in (folder, folder / CHECKS) or not path.match("test_*.py"):
        return False
    tests = _tests_in(path)
    beside = bool(tests) and all(ids and not set(ids) & set(wanted) for _, ids in tests)
    return beside and bool(_criteria(folder, root) & set(wanted))


@lru_cache(maxsize=64)
def _criteria(folder: Path, root: Path) -> set[str]:
    try:
        lab = manifest.read(folder, root)
    except UsageProblem:  # said when a test of it is met
        return set()
    return {criterion.id for criterion in (*lab.criteria, *lab.challenges)}


def _tests_in(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """The test functions of the file *path*, each with the ids of its criteria."""
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _read(path: Path, _time: int, _size: int) -> list[tuple[str, tuple[str, ...]]]:
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except SyntaxError:  # whoever imports it is told better
        return []
    common = tuple(id_ for node in tree.body if _assigns_pytestmark(node) for id_ in _ids(node))
    return [
        (node.name, tuple(id_ for decorator in node.decorator_list for id_ in _ids(decorator)) or common)
        for node in _statements(tree.body)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    ]


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of *body* and of the blocks in it: where tests can stand, which is not inside of a function."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt)]
            yield from _statements(inside)


def _assigns_pytestmark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
    )


def _ids(node: ast.AST) -> Iterable[str]:
    """The ids in `pytest.mark.criterion("A1")`, wherever it stands in *node*."""
    for part in ast.walk(node):
        match part:
            case ast.Call(func=ast.Attribute(attr="criterion"), args=[ast.Constant(value=str() as id_), *_]):
                yield id_
