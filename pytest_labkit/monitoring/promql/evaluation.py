"""The value of an expression's tree over a `History`, at a time."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

from pytest_labkit.monitoring.promql.aggregation import aggregated
from pytest_labkit.monitoring.promql.errors import FailedExpression, UnsupportedExpression
from pytest_labkit.monitoring.promql.functions import each, function
from pytest_labkit.monitoring.promql.operators import binary
from pytest_labkit.monitoring.promql.parsing import kind, parse
from pytest_labkit.monitoring.promql.ranges import OF_RANGES
from pytest_labkit.monitoring.promql.selectors import instant, ranged, told
from pytest_labkit.monitoring.promql.vectors import Value, Vector, nameless, vector
from pytest_labkit.monitoring.series import History, Labels


def evaluate(expr: str, history: History, at: float) -> Vector:
    """
    What *expr* gives over *history* *at* that time; a number is a vector without labels.

    Raises:
        ValueError: It is no PromQL.
        UnsupportedExpression: It needs what is not known here.
        FailedExpression: Prometheus evaluates it to an error.
    """
    try:
        found = _Evaluation(history, at).value(parse(expr))
    except RecursionError:
        raise UnsupportedExpression("an expression that is nested so deep") from None
    return found if isinstance(found, dict) else {frozenset(): found}


class _Evaluation:
    def __init__(self, history: History, at: float) -> None:
        self._history = history
        self._at = at

    def value(self, node: Any) -> Value:
        match kind(node):
            case "NumberLiteral":
                return float(node.val)
            case "ParenExpr":
                return self.value(node.expr)
            case "UnaryExpr":
                return each(self.value(node.expr), operator.neg)
            case "VectorSelector":
                return instant(node, self._history, self._at)
            case "AggregateExpr":
                return self._aggregate(node)
            case "Call":
                return self._call(node)
            case "BinaryExpr":
                return binary(node, self.value(node.lhs), self.value(node.rhs))
            case "StringLiteral" | "MatrixSelector":
                raise FailedExpression("rule result is not a vector or scalar")
            case other:
                raise UnsupportedExpression(f"a {other}")

    def _aggregate(self, node: Any) -> Vector:
        if node.param is not None:
            raise UnsupportedExpression(f"the aggregation {node.op}")
        return aggregated(str(node.op), self.value(node.expr), node.modifier)  # type: ignore[arg-type]

    def _call(self, node: Any) -> Value:
        name = node.func.name
        if name in OF_RANGES:
            return vector(self._over_ranges(name, node.args[0]))
        match name:
            case "time":
                return self._at
            case "absent":
                return {} if self.value(node.args[0]) else {told(node.args[0]): 1.0}
            case "absent_over_time":
                return {} if ranged(node.args[0], self._history, self._at) else {told(node.args[0]): 1.0}
            case _:
                do = function(name)  # before its arguments: those of others may be texts and ranges
                return do(*(self.value(arg) for arg in node.args))

    def _over_ranges(self, name: str, node: Any) -> Iterator[tuple[Labels, float]]:
        for series, over in ranged(node, self._history, self._at):
            if (made := OF_RANGES[name](over)) is not None:
                yield series if name == "last_over_time" else nameless(series), made
