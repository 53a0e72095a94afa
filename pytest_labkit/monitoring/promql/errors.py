"""Why an expression gives nothing: the kit does not know it, or Prometheus itself refuses to evaluate it."""

from __future__ import annotations

from pytest_labkit.domain.errors import KitError, Mistake


class UnsupportedExpression(KitError):
    """An expression that Prometheus knows and this evaluator does not."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The kit cannot evaluate {what}.", "Write the rule without it.")


class FailedExpression(Mistake):
    """An expression that Prometheus ends with an error, *why*, over the series that are there."""

    def __init__(self, why: str) -> None:
        super().__init__(checked="", expected="an expression that Prometheus can evaluate", got=why)
