"""The lives of alerts, pending, firing, kept and cleared, beside those that Prometheus' `promtool` has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_labkit.monitoring import Alerts, History, rules
from pytest_labkit.monitoring.series import Labels, labels
from tests.monitoring import promtool
from tests.monitoring.amounts import few, many

SCRAPES = 15
SERIES = ['x{job="a"}', 'x{job="b"}']
DURATIONS = st.sampled_from(["0s", "10s", "15s", "20s", "30s", "45s", "1m"])

values = st.dictionaries(
    st.sampled_from(SERIES),
    st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=SCRAPES, max_size=SCRAPES),
    min_size=1,
)


@st.composite
def rule_files(draw: st.DrawFn) -> str:
    """A few alerts; the last one fires by the firing of the others."""
    made = [
        {
            "alert": f"A{number}",
            "expr": draw(
                st.sampled_from(["x == 1", "x > 0", "changes(x[50s]) > 1", "sum(x) > 1", "recorded"])
            ),
            "for": draw(DURATIONS),
            "keep_firing_for": draw(DURATIONS),
            "labels": draw(st.sampled_from([{}, {"level": "{{ $value }}"}, {"job": "{{ $labels.job }}!"}])),
        }
        for number in range(draw(st.integers(1, 3)))
    ]
    last = {
        "alert": "Last",
        "expr": 'max by (alertname) (ALERTS{alertstate="firing"}) == 1',
        "labels": {"of": "{{ $labels.alertname }}"},
    }
    recorded = {"record": "recorded", "expr": "x == 2", "labels": {"by": "a rule"}}
    return promtool.rule_file([recorded, *made, last])


def ours(file: Path, scraped: promtool.Values) -> list[set[Labels]]:
    """The alerts of the kit after each scrape, as Prometheus' series `ALERTS`."""
    alerts, history, found = Alerts(rules.read(file)), History(), []
    for number in range(SCRAPES):
        at = float(number * promtool.EVERY_S)
        history.add(at, "x", {promtool.series(name): its[number] or 0.0 for name, its in scraped.items()})
        found.append({_series(alert) for alert in alerts.at(at, history)})
    return found


def _series(alert: Any) -> Labels:
    return labels("ALERTS", {**alert.as_dict, "alertname": alert.name, "alertstate": alert.state})


def agree(folder: Path, rules_: str, scraped: dict[str, Sequence[float]]) -> None:
    """The same alerts are pending, and the same fire, after each scrape."""
    asked = [("ALERTS", float(number * promtool.EVERY_S)) for number in range(SCRAPES)]
    theirs = promtool.evaluated(folder, [promtool.Case(scraped, asked)], rules_)
    assert [set(found) for found in theirs] == ours(folder / "rules.yaml", scraped)


@given(rule_files(), values)
@few(5)
def test_alerts_live_as_with_promtool(
    tmp_path_factory: pytest.TempPathFactory, rules_: str, scraped: dict[str, Sequence[float]]
) -> None:
    """In a few files."""
    agree(tmp_path_factory.mktemp("promtool"), rules_, scraped)


@pytest.mark.exhaustive
@given(rule_files(), values)
@many(300)
def test_hundreds_of_alerts_live_as_with_promtool(
    tmp_path_factory: pytest.TempPathFactory, rules_: str, scraped: dict[str, Sequence[float]]
) -> None:
    """In three hundred files."""
    agree(tmp_path_factory.mktemp("promtool"), rules_, scraped)
