"""Which tests the files of a lab hold, and of which criteria: read from their syntax, nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pytest_labkit.course import manifest
from pytest_labkit.course.syntax import tree
from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.domain.model import CHECKS, Lab
from pytest_labkit.host.places import within


def tests_of(lab: Lab) -> dict[str, list[str]]:
    """
    The tests that the lab's files hold, by criterion, each as `file::function`.

    `@pytest.mark.criterion("A1")` on the function counts, or `pytestmark` for all of a file's functions
    that have no marker of their own.
    """
    return _by_mark(lab, "criterion")


def promises_of(lab: Lab) -> dict[str, list[str]]:
    """The same by promise: `@pytest.mark.promise("A2.1", "A2.3")`, on a function or for a whole file."""
    return _by_mark(lab, "promise")


def unpromised(lab: Lab) -> list[str]:
    """The tests of criteria that name no promise, each with its file and line."""
    return [f"{place}: {test.name}" for place, test in _placed(lab) if test.criteria and not test.promises]


def naming(lab: Lab, promise: str) -> list[str]:
    """The tests that name *promise*, each with its file and line."""
    return [f"{place}: {test.name}" for place, test in _placed(lab) if promise in test.promises]


def fixtures_of(lab: Lab) -> set[str]:
    """What the tests of *lab* ask for by a parameter, and the fixtures that it has of its own."""
    files = {*files_of(lab.folder, "*.py")}
    functions = [node for path in files for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)]
    asking = [f for f in functions if f.name.startswith("test") or any(map(_is_fixture, f.decorator_list))]
    return {argument.arg for function in asking for argument in function.args.args}


def _is_fixture(decorator: ast.expr) -> bool:
    made = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")) == "fixture"


def _placed(lab: Lab) -> Iterator[tuple[str, _Test]]:
    """Each test of *lab*, with its file in the project and its line."""
    for path in files_of(lab.folder, "test_*.py"):
        file = "/".join((*lab.package.split("."), *path.relative_to(lab.folder).parts))
        yield from ((f"{file}:{test.line}", test) for test in _tests_in(path))


def _by_mark(lab: Lab, mark: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in files_of(lab.folder, "test_*.py"):
        for test in _tests_in(path):
            for id_ in test.promises if mark == "promise" else test.criteria:
                found.setdefault(id_, []).append(f"{path.name}::{test.name}")
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
    if (
        folder is None
        or within(root, path).parent not in (folder, folder / CHECKS)
        or not path.match("test_*.py")
    ):
        return False
    tests = _tests_in(path)
    beside = bool(tests) and all(t.criteria and not set(t.criteria) & set(wanted) for t in tests)
    return beside and bool(_criteria(folder, root) & set(wanted))


@lru_cache(maxsize=64)
def _criteria(folder: Path, root: Path) -> set[str]:
    try:
        lab = manifest.read(folder, root)
    except UsageProblem:  # said when a test of it is met
        return set()
    return {criterion.id for criterion in (*lab.criteria, *lab.challenges)}


@dataclass(frozen=True)
class _Test:
    """A test function, with the ids that its markers name."""

    name: str
    line: int
    criteria: tuple[str, ...]
    promises: tuple[str, ...]


def _tests_in(path: Path) -> list[_Test]:
    """The test functions of the file *path*."""
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _read(path: Path, _time: int, _size: int) -> list[_Test]:
    body = tree(path).body
    common = [node for node in body if _assigns_pytestmark(node)]
    return [
        _Test(
            node.name,
            node.lineno,
            *(_ids(node.decorator_list, mark) or _ids(common, mark) for mark in ("criterion", "promise")),
        )
        for node in _statements(body)
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


def _ids(nodes: Iterable[ast.AST], mark: str) -> tuple[str, ...]:
    """The ids in `pytest.mark.criterion("A1")`, or whichever *mark*, wherever it stands in *nodes*."""
    parts = (part for node in nodes for part in ast.walk(node) if isinstance(part, ast.Call))
    calls = [part for part in parts if isinstance(part.func, ast.Attribute) and part.func.attr == mark]
    arguments = (argument for call in calls for argument in call.args if isinstance(argument, ast.Constant))
    return tuple(str(argument.value) for argument in arguments)
