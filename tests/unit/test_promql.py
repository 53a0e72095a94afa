"""PromQL over a history of a few samples; the arithmetic is held to promtool's in tests/monitoring."""

from __future__ import annotations

import math

import pytest

from pytest_labkit.monitoring import History
from pytest_labkit.monitoring.promql import FailedExpression, UnsupportedExpression, evaluate
from pytest_labkit.monitoring.promql.vectors import nameless
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
    [
        *("topk(1, x)", "x @ 5", "max_over_time(x[1m:5s])", "histogram_quantile(0.9, x)", "quantile(0.9, x)"),
        *("predict_linear(x[1h], 60)", "quantile_over_time(0.9, x[1h])", "label_join(x, 'a', '-', 'job')"),
        *("x + fill(0) x", "first_over_time(x[1m])", "hour()", "count_values('a', x)", "exp(x)"),
    ],
)
def test_what_is_not_known_is_no_verdict(expr: str) -> None:
    """It is the kit that cannot evaluate it."""
    with pytest.raises(UnsupportedExpression, match="The kit cannot evaluate"):
        evaluate(expr, made({A: 1}), 0)


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        ("x / on (job) x2", r"match group {job=\"a\"} on the right.*many-to-many matching not allowed"),
        ("x2 / on (job) x", r"many-to-one matching must be explicit \(group_left/group_right\)"),
        ("x2 * on (job) group_left (zone) x", "grouping labels must ensure unique matches"),
        ('abs({job="a"})', "vector cannot contain metrics with the same labelset"),
        ('{job="a"} * 2', "vector cannot contain metrics with the same labelset"),
        ('-{job="a"}', "vector cannot contain metrics with the same labelset"),
        ('{job="a"} > bool 2', "vector cannot contain metrics with the same labelset"),
        ('rate({job="a"}[1m])', "vector cannot contain metrics with the same labelset"),
        ('max_over_time({job="a"}[1m])', "vector cannot contain metrics with the same labelset"),
        ("x[1m]", "rule result is not a vector or scalar"),
        ("'x'", "rule result is not a vector or scalar"),
    ],
)
def test_what_prometheus_refuses_is_a_mistake(expr: str, said: str) -> None:
    """With Prometheus' own words: two series that become one, and matches that are ambiguous."""
    found: dict[Labels, float] = {
        A: 1,
        series("x2", job="a", zone="1"): 1,
        series("x2", job="a", zone="2"): 1,
    }
    found |= {series("n", job="a"): 1}
    with pytest.raises(FailedExpression, match=said):
        evaluate(expr, made(found, found), 10)


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("max(ratio)", 0.9),
        ("min(ratio)", 0.9),
        ("max_over_time(late[1m])", 3),
        ("min_over_time(late[1m])", 3),
        ("changes(late[1m])", 1),
        ('changes(ratio{job="idle"}[1m])', 0),
        ('sgn(ratio{job="idle"})', NAN),
        ("sum(ratio)", NAN),
        ('ratio{job="idle"} != ratio{job="idle"}', NAN),
        ('clamp_max(ratio{job="idle"}, 1)', NAN),
        ("zero ^ -1", INF),
        ("negative ^ 0.5", NAN),
        ("negative ^ -0.5", NAN),
        ("-10 ^ 400", -INF),
        ("vector(-10) ^ 401", -INF),
        ("vector(-10) ^ 400", INF),
        ("-zero ^ -3", -INF),
        ("10 ^ 400", INF),
        ("1 ^ NaN", 1),
        ("vector(Inf) % 3", NAN),
        ("3 % vector(Inf)", 3),
        ("3 % zero", NAN),
        ("-5 % 3", -2),
        ("sum(ends)", NAN),
        ("avg(ends)", NAN),
        ("sum(big)", INF),
        ("avg(big)", 1e308),
        ("sum_over_time(large[1m])", INF),
        ("avg_over_time(large[1m])", 1e308),
        ("sum(cancels)", 2),
        ("zero / zero", NAN),
        ("1 / -zero", -INF),
        ("floor(vector(Inf))", INF),
        ("round(vector(2.5))", 3),
        ("round(vector(0.27), 0.1)", 0.3),
        ("clamp(vector(7), 1, 5)", 5),
    ],
)
def test_numbers_are_those_of_prometheus(expr: str, expected: float) -> None:
    """NaN, infinities and what does not fit into a float are values: nothing raises."""
    one: dict[Labels, float] = {
        series("ratio", job="idle"): NAN,
        series("ratio", job="pay"): 0.9,
        series("zero"): 0.0,
        series("negative"): -8.0,
        series("large"): 1e308,
    }
    one |= {series("ends", job=str(n)): value for n, value in enumerate((INF, -INF))}
    one |= {series("big", job=str(n)): 1e308 for n in range(2)}
    one |= {series("cancels", job=str(n)): value for n, value in enumerate((1, 1e100, 1, -1e100))}
    history = made({**one, series("late"): NAN}, {**one, series("late"): 3.0})
    (value,) = evaluate(f"({expr})", history, 15).values()
    assert expected == pytest.approx(value, nan_ok=True)


def test_minus_zero_keeps_its_sign() -> None:
    """As a sample, too."""
    assert {"a": -INF} == values("1 / x", made({A: -0.0}), 0)


@pytest.mark.parametrize(
    "matcher",
    [
        'job=~"[[:alpha:]]"',
        r'job=~"\\pL"',
        r'job=~"a\\z"',
        r"job=~`\w`",
        r"job=~`(?i)A`",
        r"job=~`\Qa\E`",
        r"job=~'\x61'",
        r'job=~"\u0061|b"',
        "job!~`[^[:alpha:]]*`",
        "job=`a`",
        'job=~"a" # "not this',
        r"job!=``",
        'job=~"(?s:.)"',
    ],
)
def test_matchers_are_those_of_re2(matcher: str) -> None:
    """With its classes and escapes, in each of the three kinds of quotes."""
    assert {"a": 1.0} == values(f"x{{{matcher}\n}}", made({A: 1, series("x", zone="b"): 2}), 0)


@pytest.mark.parametrize("pattern", ["(", r"a\Z", "(?=a)", r"(a)\1", "a**b(", "x{1001}"])
def test_what_is_no_regular_expression_to_re2_is_no_promql(pattern: str) -> None:
    """Though it may be one to Python."""
    with pytest.raises(ValueError, match="illegal regular expression"):
        evaluate(f"x{{job=~`{pattern}`}}", made({A: 1}), 0)


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        ('x{job="\\q"}', "invalid escape"),
        ("x{job=~`.*`, job=~`a?`}[", "invalid|unexpected"),
        ("{job=~`.*`}", "non-empty matcher"),
        ("abs(rate(x[0s]))", "duration must be greater than 0"),
        ("max_over_time(x[0s:1m])", "duration must be greater than 0"),
        ("(" * 600 + "x" + ")" * 600, "more than .* operators and brackets"),
        ("x" * 30_000, "more than 20,000 characters"),
    ],
)
def test_what_is_no_promql_is_told(expr: str, said: str) -> None:
    """Whatever it is."""
    with pytest.raises(ValueError, match=said):
        evaluate(expr, made({A: 1}), 0)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ('absent(x{job="a",job="b"})', {}),
        ('absent(x{job="a",job="a",zone="1"})', {"zone": "1"}),
        ('absent(x{job=""})', {}),
        ('absent(x{job="a",job!="b"})', {}),
        ('absent(x{job=~"a",zone="1"})', {"zone": "1"}),
        ('absent(x{job=~"a|b",job="a"})', {"job": "a"}),
        ('absent(x{job="a",job=~"a|b"})', {}),
        ('absent({__name__="x",job="a"})', {"job": "a"}),
        ('absent((x{job="a"}))', {"job": "a"}),
        ('absent(sum(x{job="a"}))', {}),
        ('absent_over_time(x{job="a"}[1m])', {"job": "a"}),
    ],
)
def test_absent_has_the_labels_that_are_sure(expr: str, expected: dict[str, str]) -> None:
    """Those asked for by one `=`; never the name, never an empty one."""
    assert {frozenset(expected.items()): 1.0} == evaluate(expr, History(), 5)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("x > 0", {A}),
        ("x == x", {A}),
        ("x == ignoring (zone) x", {A}),
        ("x == on (job) x", {nameless(A)}),
        ("x + 0", {nameless(A)}),
        ("sort(x)", {A}),
        ("last_over_time(x[1m])", {A}),
        ("sum by (__name__) (x)", {frozenset({("__name__", "x")})}),
        ("sum without (job) (x)", {frozenset()}),
        ("x * on (job) group_left (zone) y", {frozenset({("job", "a"), ("zone", "1")})}),
        ("y * on (job) group_right (zone) x", {frozenset({("job", "a"), ("zone", "1")})}),
    ],
)
def test_the_labels_of_what_comes_of_it(expr: str, expected: set[Labels]) -> None:
    """Arithmetic drops the name, a comparison keeps it, `on` keeps what it names."""
    assert expected == set(evaluate(expr, made({A: 1, series("y", job="a", zone="1"): 2}), 0))
