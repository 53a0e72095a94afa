"""What a lab's files import, read from their syntax trees: nothing of them is run."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

_FOR_TESTS = {"pytest", "_pytest", "pytest_labkit"}


def third_party(files: Iterable[Path], package: str) -> list[str]:
    """
    What the *files* import at their top and neither Python nor the lab's *package* has.

    Each as `module`, or `module:name,name` for `from module import name, name`: a name may be a module.
    """
    known = {package.partition(".")[0], *_FOR_TESTS, *sys.stdlib_module_names}
    found = dict.fromkeys(name for path in files for name in _imports(_tree(path).body))
    return [name for name in found if re.split("[.:]", name)[0] not in known]


def on_their_own(files: Mapping[str, Path], package: str) -> list[str]:
    """
    The modules of *package* that import nothing of it but each other, and nothing that is for tests.

    Args:
        files: Dotted name of a module -> its file.
        package: The lab's package.
    """
    trees = {name: ast.walk(_tree(path)) for name, path in files.items()}
    uses = {name: {used.partition(":")[0] for used in _imports(tree)} for name, tree in trees.items()}
    alone = {name for name in files if _FOR_TESTS.isdisjoint(used.partition(".")[0] for used in uses[name])}
    while others := {name for name in alone if {u for u in uses[name] if _is_in(package, u)} - alone}:
        alone -= others
    return sorted(alone)


def _is_in(package: str, module: str) -> bool:
    # A relative import has no module of its own here: what it means is not looked into.
    return module in ("", package) or module.startswith(f"{package}.")


def _tree(path: Path) -> ast.Module:
    try:
        return _parsed(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])  # whoever loads it is told


@lru_cache(maxsize=100)
def _parsed(source: bytes) -> ast.Module:
    return ast.parse(source)


def _imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str() as module, level=0, names=names):
                yield f"{module}:{','.join(alias.name for alias in names if alias.name != '*')}".rstrip(":")
            case ast.ImportFrom():
                yield ""
