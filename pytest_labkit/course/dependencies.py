"""Which of the answers a criterion is about, read from the files: their change ends its verdict."""

from __future__ import annotations

import ast
import re
from pathlib import Path, PurePosixPath

from pytest_labkit.course.submission import Staged
from pytest_labkit.course.syntax import tree_if_any
from pytest_labkit.domain.model import Criterion


def answers_of(criterion: Criterion, staged: Staged) -> set[str]:
    """
    The answers that *criterion* is about: the file that it looks at, and those of what it needs.

    And what these files use: other answers that they import, and files that are no modules, whose name or
    folder they have in a text. All answers, where it looks at none.
    """
    sources = {path: Path(file) for file, path in staged.paths.items()}
    found: set[str] = set()
    waiting = {_looks_at(one) for one in _and_needs(criterion, staged)}
    if "" in waiting:
        return set(sources)
    while waiting:
        path = waiting.pop()
        if path in sources and path not in found:
            found.add(path)
            waiting |= _used(sources[path], set(sources))
    return found


def _and_needs(criterion: Criterion, staged: Staged) -> list[Criterion]:
    return [criterion, *(staged.lab.criterion(need) for need in criterion.needs)]


def _looks_at(criterion: Criterion) -> str:
    return (criterion.look_at or "").partition(":")[0]


def _used(source: Path, answers: set[str]) -> set[str]:
    """Those of *answers* that the file *source* names."""
    if source.suffix != ".py":
        return set()
    if (tree := tree_if_any(source)) is None:
        return answers  # who knows
    names = {name for node in ast.walk(tree) for name in _imported(node)}
    texts = "\n".join(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return {path for path in answers if _is_named(PurePosixPath(path), names, texts)}


def _imported(node: ast.AST) -> list[str]:
    """All words of an import: of `from labs.lab3.order import Order` these are labs, lab3, order, Order."""
    if isinstance(node, ast.Import):
        return [word for alias in node.names for word in alias.name.split(".")]
    if isinstance(node, ast.ImportFrom):
        return [*(node.module or "").split("."), *(alias.name for alias in node.names)]
    return []


def _is_named(path: PurePosixPath, imported: set[str], texts: str) -> bool:
    if path.suffix == ".py":
        return path.stem in imported
    place = path.parent.name or path.name
    return re.search(rf"\b{re.escape(place)}\b", texts) is not None
