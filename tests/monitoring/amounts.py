"""How many examples a property is tried on: a few in every run, the same each time, and many in CI."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_ANY_PACE = list(HealthCheck)


def few(examples: int) -> settings:
    """The same *examples* each time."""
    return settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=_ANY_PACE)


def many(examples: int) -> settings:
    """*examples* that are others each time; one that failed is tried again."""
    return settings(max_examples=examples, deadline=None, suppress_health_check=_ANY_PACE)
