"""The kit's PromQL beside Prometheus' own: `promtool test rules` on the same series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from pytest_labkit.monitoring.promql import evaluate
from pytest_labkit.monitoring.series import Labels
from tests.monitoring import promtool

pytestmark = pytest.mark.exhaustive
AT_S = 187  # off the scrapes: the ends of ranges are where versions of Prometheus differ
SERIES: Mapping[str, Sequence[float]] = {
    'calls_total{breaker="payment",outcome="failure"}': [0, 0, 3, 9, 9, 20, 21, 2, 5, 5, 8, 12, 13],
    'calls_total{breaker="payment",outcome="success"}': [5, 9, 9, 10, 40, 41, 60, 70, 71, 90, 95, 96, 99],
    'calls_total{breaker="stock",outcome="success"}': [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    'state{breaker="payment",state="OPEN"}': [0, 0, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 1],
    'state{breaker="stock",state="OPEN"}': [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    'up{job="payment"}': [1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0],
    'up{job="order"}': [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
}
EXPRESSIONS = [
    "up == 0",
    "up < bool 1",
    'rate(calls_total{outcome="failure"}[1m])',
    "increase(calls_total[2m])",
    "irate(calls_total[1m])",
    "delta(state[1m])",
    "idelta(calls_total[1m])",
    "changes(state[2m])",
    "resets(calls_total[3m])",
    "max_over_time(state[30s]) == 1",
    "avg_over_time(state[1m])",
    "sum_over_time(state[1m])",
    "count_over_time(state[50s])",
    "last_over_time(state[1m])",
    "sum by (breaker) (rate(calls_total[1m]))",
    'sum by (breaker) (increase(calls_total{outcome="failure"}[1m])) '
    '> 0.1 * sum by (breaker) (increase(calls_total{outcome=~"success|failure"}[1m]))',
    "sum without (outcome) (calls_total) / on (breaker) sum without (state) (state)",
    'calls_total{outcome="failure"} / ignoring (outcome) calls_total{outcome="success"}',
    "calls_total / on (breaker) group_left () sum by (breaker) (calls_total)",
    'state and on (breaker) calls_total{outcome="failure"} > 3',
    'calls_total unless on (breaker) state{breaker="stock"}',
    "up or state",
    'absent(nothing{job="x"})',
    "absent(up)",
    "min(calls_total) + max(calls_total) - avg(up) * count(calls_total) % 7",  # sums are exact
    "-state + 2 ^ 3",
    "clamp_max(calls_total, 10)",
    "abs(-calls_total)",
    "calls_total offset 1m > 20",
    "1 - (sum(up) / count(up))",
    "group(up)",
    "vector(3) == 3",
]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[Labels, float] | str]:
    """What promtool gives for each expression."""
    case = promtool.Case(SERIES, [(expr, AT_S) for expr in EXPRESSIONS])
    found = promtool.evaluated(tmp_path_factory.mktemp("promtool"), [case])
    return dict(zip(EXPRESSIONS, found, strict=True))


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_it_gives_what_prometheus_gives(expr: str, theirs: dict[str, dict[Labels, float] | str]) -> None:
    """The same series, with the same values."""
    assert theirs[expr] == pytest.approx(evaluate(expr, promtool.history(SERIES), AT_S))
