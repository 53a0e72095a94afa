"""Imports point one way, in the order of docs/architecture.md, and only the plugin knows pytest."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pytest_labkit"
KNOW_PYTEST = ("collection", "workers", "console", "session", "fixtures", "plugin")
MODULES = sorted(path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))


def order() -> list[list[str]]:
    """The lines of the architecture's list: on each, the units in their order."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    block = text.partition("## The package, in import order")[2].split("```")[1]
    heads = [re.split(r"\s{2,}", line)[0] for line in block.strip().splitlines()]
    return [[unit.strip("/ ") for unit in head.split("->")] for head in heads]


def rank(unit: str) -> tuple[int, int]:
    """Where *unit* stands: line, place on the line."""
    for line, units in enumerate(order()):
        if unit in units:
            return line, units.index(unit)
    raise AssertionError(f"docs/architecture.md does not place {unit!r}")


def imported(path: Path) -> set[str]:
    """The names of the package's modules that *path* imports, at any depth of the code."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / path).with_suffix(".py").read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "pytest_labkit":
            found |= {alias.name for alias in node.names if not alias.name.startswith("__")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pytest_labkit."):
            found.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("pytest_labkit.")}
    return found


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_point_up_the_list(module: Path) -> None:
    """A module imports only from lines above its own."""
    if str(module) == "__init__":
        return  # re-exports for a lab's tests
    unit = module.parts[0]
    below = [other for other in imported(module) if other != unit and rank(other) >= rank(unit)]
    assert [] == below


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_only_the_plugin_knows_pytest(module: Path) -> None:
    """Nothing but the plugin's own files imports pytest."""
    text = (PACKAGE / module).with_suffix(".py").read_text("utf-8")
    knows = re.search(r"^\s*(import pytest|from (_?pytest)\b)", text, re.MULTILINE) is not None
    assert (str(module) in KNOW_PYTEST) == knows


def test_no_module_is_named_after_nothing() -> None:
    """No module is called utils, helpers, common or misc."""
    assert set() == {"utils", "helpers", "common", "misc"} & {path.name for path in MODULES}
