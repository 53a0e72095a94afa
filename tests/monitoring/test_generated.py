"""Generated expressions over generated series: the kit beside Prometheus' own `promtool`."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_labkit.monitoring.promql import FailedExpression, evaluate
from pytest_labkit.monitoring.series import Labels
from tests.monitoring import promtool
from tests.monitoring.expressions import SERIES, vectors

AT_S, SCRAPES = 187, 13  # off the scrapes: the ends of ranges are where versions of Prometheus differ
FINITE = st.sampled_from([0.0, -0.0, 1.0, 2.0, 3.0, 8.0, 0.5, -2.5])
ANY = st.sampled_from([0.0, 1.0, 2.0, 8.0, -2.5, math.nan, math.inf, -math.inf, None])
OLD_AND_NEW_DIFFER = re.compile(r"avg|rate|increase|delta")  # with infinities and with gaps


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, list[float | None]], list[str]]:
    """Series of any values, and expressions over them; none that Prometheus 2 and 3 evaluate differently."""
    expressions = draw(st.lists(vectors, min_size=20, max_size=20))
    return draw(_series(ANY)), [e for e in expressions if not OLD_AND_NEW_DIFFER.search(e)] or ["a"]


@st.composite
def simple_cases(draw: st.DrawFn) -> tuple[dict[str, list[float | None]], list[str]]:
    """Series of finite values without gaps, and expressions over them."""
    return draw(_series(FINITE)), draw(st.lists(vectors, min_size=20, max_size=20))


def _series(values: st.SearchStrategy[float | None]) -> st.SearchStrategy[dict[str, list[float | None]]]:
    columns = st.lists(values, min_size=SCRAPES, max_size=SCRAPES)
    return st.dictionaries(st.sampled_from(SERIES), columns, min_size=1, max_size=5)


def ours(expr: str, values: dict[str, list[float | None]]) -> dict[Labels, float] | str:
    """What the kit makes of it: series with values, or an error."""
    try:
        return evaluate(expr, promtool.history(values), AT_S)
    except FailedExpression as error:
        return error.got


def agree(values: dict[str, list[float | None]], expressions: list[str], folder: Path) -> None:
    """Each expression gives the same, or is refused by both."""
    all_theirs = promtool.evaluated(folder, [promtool.Case(values, [(e, AT_S) for e in expressions])])
    for expr, theirs in zip(expressions, all_theirs, strict=True):
        got = ours(expr, values)
        if isinstance(theirs, str):
            assert isinstance(got, str), (expr, theirs, got)
        else:
            assert theirs == pytest.approx(got, rel=1e-9, abs=1e-9, nan_ok=True), expr


few = settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
many = settings(few, max_examples=100, derandomize=False)


@given(cases() | simple_cases())
@few
def test_generated_expressions_agree_with_promtool(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[dict[str, list[float | None]], list[str]]
) -> None:
    """A few dozen of them."""
    agree(*case, tmp_path_factory.mktemp("promtool"))


@pytest.mark.exhaustive
@given(cases() | simple_cases())
@many
def test_thousands_of_generated_expressions_agree_with_promtool(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[dict[str, list[float | None]], list[str]]
) -> None:
    """A hundred series with twenty expressions each."""
    agree(*case, tmp_path_factory.mktemp("promtool"))
