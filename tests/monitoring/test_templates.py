"""Templates of annotations: the kit expands them to what Prometheus' own `promtool` does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_labkit.monitoring.templates import UnsupportedTemplate
from tests.monitoring import promtool
from tests.monitoring.amounts import few, many
from tests.monitoring.templates import EXPANDED, FAILING, LABELS, VALUE, bodies, expanded

FAILED = "<error expanding template:"
UP = {'up{job="u"}': [1.0]}


def theirs(folder: Path, templates: Sequence[str], value: float) -> list[str]:
    """What promtool makes of each of *templates*."""
    inside = ",".join(f'{name}="{text}"' for name, text in LABELS.items())
    return promtool.expanded(folder, templates, {f"x{{{inside}}}": [value], **UP})


@pytest.mark.parametrize("text", EXPANDED)
def test_promtool_expands_to_what_the_kit_does(text: str, tmp_path: Path) -> None:
    """Each template of those that tests/unit expands."""
    assert [EXPANDED[text]] == theirs(tmp_path, [text], VALUE)


@pytest.mark.parametrize("text", FAILING)
def test_promtool_fails_where_the_kit_does(text: str, tmp_path: Path) -> None:
    """Each template of those that tests/unit cannot expand."""
    (shown,) = theirs(tmp_path, [text], VALUE)
    assert FAILED in shown


VALUES = st.sampled_from([0.0, 1.0, -0.5, 0.857142857142, 42.0, 1234567.0, 1e21, 1e-7, math.nan, math.inf])


def agree(folder: Path, templates: Sequence[str], value: float) -> None:
    """Each template gives the same text, or fails with both; what the kit does not know is left out."""
    for text, shown in zip(templates, theirs(folder, templates, value), strict=True):
        try:
            got = expanded(text, value)
        except UnsupportedTemplate:
            continue
        assert (text, shown.split(FAILED)[0]) == (text, got.split(FAILED)[0])
        assert (text, FAILED in shown) == (text, FAILED in got)


@given(st.lists(bodies, min_size=20, max_size=20), VALUES)
@few(2)
def test_generated_templates_agree_with_promtool(
    tmp_path_factory: pytest.TempPathFactory, templates: list[str], value: float
) -> None:
    """A few dozen of them."""
    agree(tmp_path_factory.mktemp("promtool"), templates, value)


@pytest.mark.exhaustive
@given(st.lists(bodies, min_size=20, max_size=20), VALUES)
@many(100)
def test_thousands_of_generated_templates_agree_with_promtool(
    tmp_path_factory: pytest.TempPathFactory, templates: list[str], value: float
) -> None:
    """Two thousand of them."""
    agree(tmp_path_factory.mktemp("promtool"), templates, value)
