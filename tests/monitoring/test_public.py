"""Rule files that others have published: the kit makes of them what Prometheus' own `promtool` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_labkit.domain.errors import Mistake
from pytest_labkit.monitoring import rules
from pytest_labkit.monitoring.promql import FailedExpression, UnsupportedExpression, evaluate
from pytest_labkit.monitoring.series import Labels
from tests.monitoring import promtool, public

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(not public.files(), reason="no LABKIT_RULE_FILES, and no ceph-prometheus-alerts"),
]
AT_S, SEEDS = 187, range(3)


def accepted(file: Path) -> bool:
    """Whether the kit reads *file*."""
    try:
        rules.read(file)
    except Mistake:
        return False
    return True


def ours(expr: str, values: promtool.Values) -> dict[Labels, float] | str | None:
    """What the kit makes of it: series, an error, or nothing if it does not know it."""
    try:
        return evaluate(expr, promtool.history(values), AT_S)
    except FailedExpression as error:
        return error.got
    except UnsupportedExpression:
        return None


@pytest.mark.parametrize("file", public.files(), ids=lambda file: file.name)
def test_a_published_file_is_read_and_evaluated_as_promtool_does(file: Path, tmp_path: Path) -> None:
    """It is accepted or refused by both, and each expression gives the same over series that it asks for."""
    assert (not promtool.complaint(tmp_path, file.read_text("utf-8"))) == accepted(file)
    exprs = sorted({rule.expr for rule in rules.read(file)}) if accepted(file) else []
    cases = [(expr, public.series(expr, seed)) for expr in exprs for seed in SEEDS]
    known = [(expr, values, got) for expr, values in cases if (got := ours(expr, values)) is not None]
    asked = [promtool.Case(values, [(expr, AT_S)]) for expr, values, _ in known]
    for (expr, _, got), theirs in zip(known, promtool.evaluated(tmp_path, asked), strict=True):
        if isinstance(theirs, str) or isinstance(got, str):
            assert (str, str) == (type(theirs), type(got)), (expr, theirs, got)
        else:
            assert theirs == pytest.approx(got, rel=1e-9, abs=1e-9, nan_ok=True), expr
