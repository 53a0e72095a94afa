"""Generated expressions over generated series: the kit beside Prometheus' own `promtool`."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_labkit.monitoring.promql import FailedExpression, evaluate, parse
from pytest_labkit.monitoring.series import Labels
from tests.monitoring import promtool
from tests.monitoring.amounts import few, many
from tests.monitoring.expressions import SERIES, vectors
from tests.monitoring.test_promtool import EXPRESSIONS

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


@given(cases() | simple_cases())
@few(2)
def test_generated_expressions_agree_with_promtool(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[dict[str, list[float | None]], list[str]]
) -> None:
    """A few dozen of them."""
    agree(*case, tmp_path_factory.mktemp("promtool"))


@pytest.mark.exhaustive
@given(cases() | simple_cases())
@many(100)
def test_thousands_of_generated_expressions_agree_with_promtool(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[dict[str, list[float | None]], list[str]]
) -> None:
    """A hundred series with twenty expressions each."""
    agree(*case, tmp_path_factory.mktemp("promtool"))


_WORD = re.compile(r"""'[^']*'|"[^"]*"|\w+|[=!<>]=|[=!]~|.""", re.DOTALL)


def broken(chance: random.Random) -> str:
    """An expression of which a word is taken out, or there twice."""
    words = _WORD.findall(chance.choice(EXPRESSIONS))
    place = chance.randrange(len(words))
    words[place] = f" {words[place]} {words[place]} " if chance.random() < 0.5 else ""
    return "".join(words).strip() or "("


def read(expr: str) -> bool:
    """Whether it is PromQL to the kit."""
    try:
        parse(expr)
    except ValueError:
        return False
    return True


def test_expressions_with_a_word_too_many_or_too_few_are_refused_as_promtool_does(tmp_path: Path) -> None:
    """A thousand of them, of which some are right all the same."""
    chance = random.Random(24)
    exprs = sorted({broken(chance) for _ in range(1000)})
    file = promtool.rule_file([{"alert": f"A{n}", "expr": expr} for n, expr in enumerate(exprs)])
    refused = {
        int(number) for number in re.findall(r'rule \d+, "A(\d+)"', promtool.complaint(tmp_path, file))
    }
    assert [expr for n, expr in enumerate(exprs) if n not in refused] == [e for e in exprs if read(e)]
