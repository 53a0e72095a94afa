"""Which third-party packages a lab's code imports, read from its syntax trees: nothing of it is run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_NOT_FOR_ANSWERS = {"pytest", "_pytest", "pytest_labkit"}


def third_party(files: Iterable[Path], package: str) -> list[str]:
    """
    What the *files* import at their top and neither Python nor the lab's *package* has.

    Each as `module`, or `module:name,name` for `from module import name, name`: a name may be a module.
    """
    own = {package.partition(".")[0], *_NOT_FOR_ANSWERS}
    found = dict.fromkeys(imported for path in files for imported in _imports(path))
    return [
        name
        for name in found
        if name.partition(":")[0].partition(".")[0] not in own | sys.stdlib_module_names
    ]


def _imports(path: Path) -> Iterator[str]:
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return  # the student is told when it is loaded
    for statement in body:
        match statement:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str() as module, level=0, names=names):
                yield f"{module}:{','.join(alias.name for alias in names if alias.name != '*')}".rstrip(":")
