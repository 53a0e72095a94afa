"""PromQL over a history of a few samples; the arithmetic is held to promtool's in tests/monitoring."""

from __future__ import annotations

import pytest

from pytest_labkit.monitoring import History
from pytest_labkit.monitoring.promql import UnsupportedExpression, evaluate
from pytest_labkit.monitoring.series import Labels, labels


def series(name: str, **given: str) -> Labels:
    """The labels of a series."""
    return labels(name, given)


def made(*scrapes: dict[Labels, float]) -> History:
    """A history of *scrapes*, 10 seconds apart, the first at 0."""
    history = History()
    for number, found in enumerate(scrapes):
        history.add(10.0 * number, "test", found)
    return history


def values(expr: str, history: History, at: float) -> dict[str, float]:
    """What *expr* gives, by the label `job` of each series."""
    return {dict(s).get("job", ""): value for s, value in evaluate(expr, history, at).items()}


A, B = series("x", job="a"), series("x", job="b")


def test_a_selector_gives_the_last_value() -> None:
    """Of each series that matches, no older than five minutes."""
    history = made({A: 1, B: 5}, {A: 2, B: 6})
    assert {"a": 2.0, "b": 6.0} == values("x", history, 15)
    assert {"a": 1.0, "b": 5.0} == values("x", history, 5)
    assert {"a": 2.0} == values('x{job=~"a|c"}', history, 10)
    assert {"b": 6.0} == values('x{job!="a"}', history, 10)
    assert {} == values("x", history, 10 + 300)


def test_a_series_that_is_not_told_any_more_has_no_value() -> None:
    """As soon as its source is scraped without it."""
    assert {"a": 2.0} == values("x", made({A: 1, B: 5}, {A: 2}), 10)


def test_a_comparison_keeps_what_holds() -> None:
    """With its own value; `bool` gives 1 or 0 for all."""
    history = made({A: 1, B: 5})
    assert {"b": 5.0} == values("x > 2", history, 0)
    assert {"a": 0.0, "b": 1.0} == values("x > bool 2", history, 0)
    assert {"": 1.0} == values("vector(1) == 1", history, 0)


def test_increase_counts_over_a_reset() -> None:
    """A counter that begins again has grown by what it was before and what it is now."""
    counter = series("n_total", job="a")
    history = made(*({counter: value} for value in (10, 20, 5, 15)))
    grown, sampled_s, range_s = 10 + 5 + 10, 30, 35  # from 0 to 30 s; the 5 s before are as the rest
    expected = grown * range_s / sampled_s
    assert expected == pytest.approx(values("increase(n_total[35s])", history, 30)["a"])


def test_aggregation_by_and_without() -> None:
    """By some labels, without some, or over all."""
    history = made({series("x", job="a", zone="1"): 1, series("x", job="a", zone="2"): 2, B: 5})
    assert {"a": 3.0, "b": 5.0} == values("sum by (job) (x)", history, 0)
    assert {"a": 1.5, "b": 5.0} == values("avg without (zone) (x)", history, 0)
    assert {"": 3.0} == values("count(x)", history, 0)


def test_sets() -> None:
    """`and`, `or`, `unless`, by all labels but the name, or by those of `on`."""
    history = made({A: 1, B: 5, series("y", job="b"): 1})
    assert {"b": 5.0} == values("x and y", history, 0)
    assert {"a": 1.0} == values("x unless on (job) y", history, 0)
    assert {"a": 1.0, "b": 1.0} == values("y or x", history, 0)


def test_vectors_are_matched_by_their_labels() -> None:
    """A division of two has those series that both have."""
    history = made({A: 1, B: 6, series("y", job="b"): 2})
    assert {"b": 3.0} == values("x / y", history, 0)
    assert {"b": 3.0} == values("sum by (job) (x) / on (job) y", history, 0)


def test_absent_is_there_if_nothing_is() -> None:
    """With the labels that were asked for."""
    assert {"c": 1.0} == values('absent(x{job="c"})', made({A: 1}), 0)
    assert {} == values("absent(x)", made({A: 1}), 0)


@pytest.mark.parametrize(
    "expr",
    ["topk(1, x)", "x @ 5", "max_over_time(x[1m:5s])", "histogram_quantile(0.9, x)", "x / on (job) x2"],
)
def test_what_is_not_known_is_no_verdict(expr: str) -> None:
    """It is the kit that cannot evaluate it."""
    history = made({A: 1, series("x2", job="a", zone="1"): 1, series("x2", job="a", zone="2"): 1})
    with pytest.raises(UnsupportedExpression, match="The kit cannot evaluate"):
        evaluate(expr, history, 0)
