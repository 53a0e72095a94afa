"""An expression's text -> its tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import promql_parser

from pytest_labkit.monitoring.promql.literals import for_the_parser

_LONGEST, _MOST_PARTS = 20_000, 500  # the parser's time grows with the square of what is nested
_INSIDE = "expr", "lhs", "rhs", "param", "vector_selector"
_PART = re.compile(r"[(\[{+\-*/%^<>=!]|\b(?:and|or|unless|atan2)\b")


@cache
def parse(expr: str) -> Any:
    """The tree of *expr*. Raises `ValueError` if it is no PromQL, or too long to be a rule's."""
    if len(expr) > _LONGEST or len(_PART.findall(expr)) > _MOST_PARTS:
        raise ValueError(f"more than {_LONGEST:,} characters, or than {_MOST_PARTS} operators and brackets")
    tree = promql_parser.parse(for_the_parser(expr))
    if any(kind(node) in ("MatrixSelector", "SubqueryExpr") and not node.range for node in nodes(tree)):
        raise ValueError("duration must be greater than 0")
    return tree


def nodes(tree: Any) -> Iterator[Any]:
    """*tree*, and all that is in it."""
    waiting = [tree]
    while waiting:
        yield (node := waiting.pop())
        inside = [getattr(node, name, None) for name in _INSIDE]
        waiting += [child for child in (*inside, *getattr(node, "args", ())) if child is not None]


def kind(node: Any) -> str:
    """The name of the type of *node*, such as `VectorSelector`."""
    return type(node).__name__


def bare(node: Any) -> Any:
    """*node* without the parentheses around it."""
    while kind(node) == "ParenExpr":
        node = node.expr
    return node
