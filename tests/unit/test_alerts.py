"""Alert rules: read from Prometheus' format, pending, firing, cleared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_labkit.domain.errors import Mistake
from pytest_labkit.monitoring import Alerts, History, Rule, rules
from pytest_labkit.monitoring.series import labels
from tests.monitoring.rulefiles import ACCEPTED, REFUSED, rule_file

UP = labels("up", {"job": "payment"})
RULE = """groups:
  - name: shop
    rules:
      - alert: ServiceDown
        expr: up == 0
        for: 20s
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.job }} is down, up is {{ $value }}"}
"""


def read(tmp_path: Path, text: str) -> list[Rule]:
    """The rules in a file that says *text*."""
    file = tmp_path / "alerts.yaml"
    file.write_text(text, "utf-8")
    return rules.read(file)


def life(found: list[Rule], *ups: float) -> list[list[str]]:
    """The states of what is raised at each of the values of `up`, 10 seconds apart."""
    alerts, history, states = Alerts(found), History(), []
    for number, value in enumerate(ups):
        history.add(10.0 * number, "payment", {UP: value})
        states.append([alert.state for alert in alerts.at(10.0 * number, history)])
    return states


def test_an_alert_is_pending_then_fires_then_is_cleared(tmp_path: Path) -> None:
    """It fires when the expression has held for as long as `for` says, and begins anew after a gap."""
    expected = [[], ["pending"], ["pending"], ["firing"], [], ["pending"]]
    assert expected == life(read(tmp_path, RULE), 1, 0, 0, 0, 1, 0)


def test_keep_firing_for_goes_on(tmp_path: Path) -> None:
    """For so long after the first evaluation that found nothing, if it has fired at all."""
    found = read(tmp_path, RULE.replace("for: 20s", "for: 0s\n        keep_firing_for: 20s"))
    assert [["firing"], ["firing"], ["firing"], []] == life(found, 0, 1, 1, 1)


def test_labels_and_summary_are_filled_in(tmp_path: Path) -> None:
    """With those of the series, its value, and the rule's own labels."""
    history = History()
    history.add(0.0, "payment", {UP: 0.0})
    (alert,) = Alerts(read(tmp_path, RULE)).at(0.0, history)
    assert {"job": "payment", "severity": "critical"} == alert.as_dict
    assert ("ServiceDown", "payment is down, up is 0") == (alert.name, alert.summary)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("expr: up == 0", "expr: up == ("), "ServiceDown's expr.* PromQL|unclosed|unexpected|'up == \\('"),
        (("for: 20s", "for: soon"), "'soon' is no duration"),
        (("alert:", "alart:"), "alart"),
        (("groups:", "groups: ["), "alerts.yaml: .* in line"),
        (("- alert: ServiceDown", "- record: down"), "the rule 'down' records"),
    ],
    ids=["expr", "duration", "key", "yaml", "record"],
)
def test_what_is_wrong_is_said_in_one_line(change: tuple[str, str], said: str, tmp_path: Path) -> None:
    """With the file and the place."""
    with pytest.raises(Mistake, match=said) as raised:
        read(tmp_path, RULE.replace(*change))
    assert "\n" not in raised.value.got


@pytest.mark.parametrize(
    ("text", "expected"), [("30s", 30), ("1m30s", 90), ("2h", 7200), ("500ms", 0.5), ("1d", 86400)]
)
def test_durations(text: str, expected: float) -> None:
    """As Prometheus writes them."""
    assert expected == rules.seconds(text)


@pytest.mark.parametrize(("text", "expected"), ACCEPTED)
def test_what_prometheus_accepts_is_read(
    text: str, expected: list[tuple[str, float, dict[str, str]]], tmp_path: Path
) -> None:
    """Numbers, dates and `yes` are texts where a text is asked for, and a null is as nothing."""
    assert expected == [(rule.name, rule.for_s, rule.labels) for rule in read(tmp_path, text)]


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_prometheus_refuses_is_a_mistake(text: str, said: str, tmp_path: Path) -> None:
    """Whether promtool is installed or not; in one line."""
    with pytest.raises(Mistake, match=said) as raised:
        read(tmp_path, text)
    assert "\n" not in raised.value.got


def raised_by(text: str, tmp_path: Path, **values: float) -> list[tuple[str, dict[str, str], str]]:
    """Names, labels and summaries of what the file *text* raises where the jobs *values* have that `up`."""
    history = History()
    history.add(0.0, "test", {labels("up", {"job": job}): value for job, value in values.items()})
    found = Alerts(read(tmp_path, text)).at(0.0, history)
    return [(alert.name, alert.as_dict, alert.summary) for alert in found]


def test_labels_have_templates_too(tmp_path: Path) -> None:
    """What is empty is no label, and one of the series is replaced."""
    text = rule_file(labels='{job: "{{ $labels.job | toUpper }}", none: "{{ $labels.none }}"}')
    assert [("A", {"job": "PAYMENT"}, "")] == raised_by(text, tmp_path, payment=0)


def test_a_summary_may_ask_a_query(tmp_path: Path) -> None:
    """Over the same history."""
    text = rule_file(annotations='{summary: "{{ query `count(up)` | first | value }} in all"}')
    assert [("A", {"job": "payment"}, "2 in all")] == raised_by(text, tmp_path, payment=0, order=1)


def test_an_alert_whose_labels_change_begins_anew(tmp_path: Path) -> None:
    """A value in a label makes another alert of it each time."""
    found = read(tmp_path, rule_file(expr="up < 9", for_="10s", labels='{value: "{{ $value }}"}'))
    assert [["pending"], ["pending"], ["firing"]] == life(found, 1, 2, 2)


def test_what_is_recorded_is_there_for_the_rules_after_it(tmp_path: Path) -> None:
    """With the labels of the rule; `ALERTS` is too."""
    text = """groups:
- name: g
  rules:
  - {record: "job:down", expr: up == bool 0, labels: {by: rule}}
  - {alert: A, expr: 'job:down{by="rule"} == 1'}
  - {alert: B, expr: 'ALERTS{alertname="A", alertstate="firing"}'}
"""
    names = [name for name, _, _ in raised_by(text, tmp_path, payment=0, order=1)]
    assert ["A", "B"] == names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (rule_file(expr="abs({job='a'})"), "A: vector cannot contain metrics with the same labelset in"),
        (rule_file(expr="up", labels='{job: ""}'), "A: .*same labelset after applying alert labels"),
        (rule_file(expr="up").replace("name: g", "name: g\n  limit: 1"), "A: exceeded limit of 1 with 2"),
    ],
)
def test_a_rule_that_prometheus_cannot_evaluate_is_a_mistake(text: str, said: str, tmp_path: Path) -> None:
    """It is told with the rule's name."""
    history = History()
    history.add(0.0, "test", {labels(name, {"job": job}): 1.0 for name in ("up", "down") for job in "ab"})
    with pytest.raises(Mistake, match=said) as raised:
        Alerts(read(tmp_path, text)).at(0.0, history)
    assert re.search(said, raised.value.got)
