"""Alerts: pending and firing, as rules say, over what was scraped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pytest_labkit.monitoring import promql
from pytest_labkit.monitoring.promql.vectors import nameless
from pytest_labkit.monitoring.rules import Rule
from pytest_labkit.monitoring.series import History, Labels, labels
from pytest_labkit.monitoring.templates import expand
from pytest_labkit.monitoring.templates.errors import ExpansionFailed
from pytest_labkit.monitoring.templates.functions import Sample


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
    summary: str = ""
    fires: bool = False
    gone_since: float | None = None


class Alerts:
    """The alerts of *rules*; `at` is called with times that grow, as Prometheus evaluates rules."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = list(rules)
        self._raised: dict[int, dict[Labels, _Raised]] = {}

    def at(self, now: float, history: History) -> list[Alert]:
        """
        Which are raised *now*; what rules record, and `ALERTS`, is added to *history*.

        Raises:
            UnsupportedExpression, UnsupportedTemplate: The kit does not know what a rule needs.
            FailedExpression: Prometheus cannot evaluate a rule.
        """
        alerts = []
        for number, rule in enumerate(self._rules):
            found = _evaluated(rule, now, history)
            if not rule.records:
                raised = self._raised.setdefault(number, {})
                _go_on(raised, found, rule, now)
                alerts += (of_rule := [_alert(rule, its, one) for its, one in raised.items()])
                history.add(now, f"rule {number}", {_series(alert): 1.0 for alert in of_rule})
            else:
                history.add(now, f"rule {number}", {its: value for its, (value, _) in found.items()})
        return alerts


def _evaluated(rule: Rule, now: float, history: History) -> dict[Labels, tuple[float, str]]:
    """By the labels that *rule* gives them: the values of its expression, and their summaries."""
    try:
        samples = promql.evaluate(rule.expr, history, now)
    except promql.FailedExpression as error:
        raise promql.FailedExpression(f"{rule.name}: {error.got} in {rule.expr!r}") from None
    found = {}
    for series, value in samples.items():
        filler = _Filler(dict(series), value, now, history)
        its = _recorded(rule, series) if rule.records else filler.labels(rule)
        if its in found:
            kind = "rule" if rule.records else "alert"
            why = f"vector contains metrics with the same labelset after applying {kind} labels"
            raise promql.FailedExpression(f"{rule.name}: {why}")
        found[its] = value, "" if rule.records else filler.summary(rule)
    if 0 < rule.limit < len(found):
        raise promql.FailedExpression(f"{rule.name}: exceeded limit of {rule.limit} with {len(found)} series")
    return found


def _recorded(rule: Rule, series: Labels) -> Labels:
    return labels(rule.name, {**dict(nameless(series)), **rule.labels})


@dataclass(frozen=True)
class _Filler:
    """Fills in the templates of a rule for one sample."""

    series: dict[str, str]
    value: float
    now: float
    history: History

    def labels(self, rule: Rule) -> Labels:
        """The labels of the alert."""
        made = self.series | {name: self._filled(text) for name, text in rule.labels.items()}
        kept = ((name, text) for name, text in made.items() if name not in ("__name__", "alertname"))
        return frozenset((name, text) for name, text in kept if text)

    def summary(self, rule: Rule) -> str:
        """Its annotation."""
        return self._filled(rule.annotations.get("summary", rule.annotations.get("description", "")))

    def _filled(self, text: str) -> str:
        return expand(text, self.series, self.value, self.now, self._queried) if "{{" in text else text

    def _queried(self, query: str) -> list[Sample]:
        try:
            found = promql.evaluate(query, self.history, self.now)
        except (ValueError, promql.FailedExpression) as error:
            raise ExpansionFailed(f"error calling query: {error}") from None
        return [Sample(dict(series), value) for series, value in found.items()]


def _go_on(
    raised: dict[Labels, _Raised], found: dict[Labels, tuple[float, str]], rule: Rule, now: float
) -> None:
    """Bring what is *raised* to where it is *now* that the expression gives what is *found*."""
    for its, (_, summary) in found.items():
        one = raised.setdefault(its, _Raised(now))
        one.summary, one.gone_since = summary, None
        one.fires = one.fires or now - one.since >= rule.for_s
    for its in raised.keys() - found.keys():
        one = raised[its]
        one.gone_since = now if one.gone_since is None else one.gone_since
        if not one.fires or now - one.gone_since >= rule.keep_firing_s:
            del raised[its]


def _alert(rule: Rule, its: Labels, one: _Raised) -> Alert:
    state: Literal["pending", "firing"] = "firing" if one.fires else "pending"
    return Alert(rule.name, tuple(sorted(its)), state, one.since, one.summary)


def _series(alert: Alert) -> Labels:
    return labels("ALERTS", {**alert.as_dict, "alertname": alert.name, "alertstate": alert.state})
