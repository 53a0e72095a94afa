"""The kit's PromQL beside Prometheus' own: `promtool test rules` on the same series."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from pytest_labkit.monitoring import History
from pytest_labkit.monitoring.promql import evaluate
from pytest_labkit.monitoring.series import Labels, labels
from tests.conftest import installed

pytestmark = pytest.mark.exhaustive
EVERY_S, AT_S = 15, 187  # off the scrapes: the ends of ranges are where versions of Prometheus differ
SERIES = {
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


def ours(expr: str) -> dict[Labels, float]:
    """What the kit makes of *expr*."""
    history, told = History(), {}
    for name in SERIES:
        metric, _, rest = name.rstrip("}").partition("{")
        given = dict(pair.replace('"', "").split("=") for pair in rest.split(","))
        told[name] = labels(metric, given)
    for number in range(len(next(iter(SERIES.values())))):
        history.add(number * EVERY_S, "test", {told[name]: float(v[number]) for name, v in SERIES.items()})
    return evaluate(expr, history, AT_S)


def shown(series: Labels) -> str:
    """As promtool reads it."""
    found = dict(series)
    inside = ", ".join(f'{k}="{v}"' for k, v in sorted(found.items()) if k != "__name__")
    return f"{found.get('__name__', '')}{{{inside}}}"


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_it_gives_what_prometheus_gives(expr: str, tmp_path: Path) -> None:
    """The same series, with the same values."""
    test = {
        "evaluation_interval": "1s",
        "tests": [
            {
                "interval": f"{EVERY_S}s",
                "input_series": [
                    {"series": name, "values": " ".join(map(str, values))} for name, values in SERIES.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": expr,
                        "eval_time": f"{AT_S}s",
                        "exp_samples": [{"labels": shown(s), "value": v} for s, v in ours(expr).items()],
                    }
                ],
            }
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump(test))
    done = subprocess.run(
        [installed("promtool"), "test", "rules", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
