"""Alert rules: read from Prometheus' format, pending, firing, cleared."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_labkit.domain.errors import Mistake
from pytest_labkit.monitoring import Alerts, History, Rule, rules
from pytest_labkit.monitoring.series import labels

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
