"""What the checks of labs say: a cause, never `expected True / got False`."""

from __future__ import annotations

import ast
from pathlib import Path

LABS = Path(__file__).parents[2] / "labs"


def test_no_check_expects_a_bare_truth_value() -> None:
    """A student learns nothing from `True` and `False`: expect says in words what was wanted."""
    found = [
        f"{path.name}:{node.lineno}"
        for path in LABS.glob("*/checks/*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "equal"
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, bool)
    ]
    assert [] == found
