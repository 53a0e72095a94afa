"""
PromQL over a `History`: what a rule's expression gives at a time.

Parsed by `promql-parser`, matched by RE2, evaluated as Prometheus 3 does. What is not known here raises
`UnsupportedExpression`: no verdict may follow from it. `tests/monitoring` holds it to the real `promtool`.
"""

from pytest_labkit.monitoring.promql.errors import FailedExpression, UnsupportedExpression
from pytest_labkit.monitoring.promql.evaluation import evaluate
from pytest_labkit.monitoring.promql.parsing import parse
from pytest_labkit.monitoring.promql.vectors import Vector

__all__ = ["FailedExpression", "UnsupportedExpression", "Vector", "evaluate", "parse"]
