"""Alerts: pending and firing, as rules say, over what was scraped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pytest_labkit.monitoring import promql
from pytest_labkit.monitoring.rules import Rule
from pytest_labkit.monitoring.series import History, Labels

_TEMPLATE = re.compile(r"\{\{\s*(?:\$labels\.(\w+)|(\$value))(?:\s*\|\s*\w+)?\s*\}\}")


@dataclass(frozen=True)
class Alert:
    """An alert that is raised: *labels* without `alertname`, and *summary*, the annotation, filled in."""

    name: str
    labels: tuple[tuple[str, str], ...]
    state: Literal["pending", "firing"]
    since: float
    summary: str = ""

    @property
    def as_dict(self) -> dict[str, str]:
        """The labels by name."""
        return dict(self.labels)


@dataclass
class _Raised:
    since: float
    value: float
    fires: bool = False
    last: float = 0.0


class Alerts:
    """The alerts of *rules*; `at` is called with times that grow, as Prometheus evaluates rules."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = list(rules)
        self._raised: dict[int, dict[Labels, _Raised]] = {}

    def at(self, now: float, history: History) -> list[Alert]:
        """Which are raised *now*. Raises `promql.UnsupportedExpression` where a rule cannot be evaluated."""
        return [alert for n, rule in enumerate(self._rules) for alert in self._of(n, rule, now, history)]

    def _of(self, number: int, rule: Rule, now: float, history: History) -> list[Alert]:
        raised = self._raised.setdefault(number, {})
        found = promql.evaluate(rule.expr, history, now)
        there = {
            frozenset(pair for pair in series if pair[0] != "__name__"): v for series, v in found.items()
        }
        for labels, value in there.items():
            one = raised.setdefault(labels, _Raised(now, value))
            one.value, one.last = value, now
            one.fires = one.fires or now - one.since >= rule.for_s
        for labels in raised.keys() - there.keys():
            one = raised[labels]
            if not one.fires or now - one.last >= rule.keep_firing_s:
                del raised[labels]
        return [_alert(rule, labels, one) for labels, one in raised.items()]


def _alert(rule: Rule, labels: Labels, one: _Raised) -> Alert:
    found = dict(labels)

    def filled(text: str) -> str:
        return _TEMPLATE.sub(lambda m: found.get(m[1], "") if m[1] else f"{one.value:g}", text)

    shown = found | {name: filled(text) for name, text in rule.labels.items()}
    summary = filled(rule.annotations.get("summary", rule.annotations.get("description", "")))
    state: Literal["pending", "firing"] = "firing" if one.fires else "pending"
    return Alert(rule.name, tuple(sorted(shown.items())), state, one.since, summary)
