"""What is nested too deep to be read is told as any other mistake in the file, wherever the kit reads one."""

from __future__ import annotations

from pathlib import Path

import pytest

from labs.lab4.checks.experimenting import accepts
from pytest_labkit.chaos import Journal
from pytest_labkit.chaos import read as read_experiment
from pytest_labkit.course import manifest
from pytest_labkit.course.designs import Design
from pytest_labkit.course.imports import third_party
from pytest_labkit.course.sources import line_of
from pytest_labkit.course.toml_lines import Misfit, load
from pytest_labkit.domain.errors import Mistake, UsageProblem
from pytest_labkit.systems import plan

DEEP = "[" * 2000 + "]" * 2000


def test_an_experiment(tmp_path: Path) -> None:
    """It is the student's mistake."""
    file = tmp_path / "latency.yaml"
    file.write_text(f"method: {DEEP}")
    with pytest.raises(Mistake, match="nested too deep"):
        read_experiment(file, (), (), {})


def test_an_experiment_with_a_day_that_is_none(tmp_path: Path) -> None:
    """YAML takes it for a date; Python does not."""
    file = tmp_path / "latency.yaml"
    file.write_text("title: 2025-02-31")
    with pytest.raises(Mistake, match="day is out of range"):
        read_experiment(file, (), (), {})


def test_a_lab(tmp_path: Path) -> None:
    """lab.toml is told as no valid TOML."""
    (tmp_path / "lab.toml").write_text(f"a = {DEEP}")
    with pytest.raises(UsageProblem, match=r"lab\.toml is not valid TOML"):
        manifest.read(tmp_path, tmp_path)


def test_a_system(tmp_path: Path) -> None:
    """So is system.toml."""
    (tmp_path / "system.toml").write_text(f"a = {DEEP}")
    with pytest.raises(UsageProblem, match=r"system\.toml is no TOML"):
        plan.of(tmp_path / "system.toml")


def test_a_design(tmp_path: Path) -> None:
    """And what authors write beside their solutions."""
    (tmp_path / "design.toml").write_text(f"a = {DEEP}")
    with pytest.raises(Misfit, match="not valid TOML"):
        load(tmp_path / "design.toml", Design)


def test_a_sum_that_has_no_tree(tmp_path: Path) -> None:
    """Of such a file neither lines nor imports are known, and nobody is stopped by that."""
    file = tmp_path / "order.py"
    file.write_text(f"import boto3\nTOTAL = {' + '.join(['1'] * 2900)}\nclass Order:\n    pass\n")
    assert [] == third_party([file], "labs.lab3")
    assert line_of(file, "Order") is None


def test_a_hypothesis_comes_first() -> None:
    """An experiment whose steady state was not there is not told of the method that did not run."""
    probe = {"activity": {"name": "rate"}, "output": 800, "tolerance_met": False}
    before = {"steady_state_met": False, "probes": [probe]}
    journal = Journal("failed", False, (), (), before, {}, "")
    with pytest.raises(Mistake, match="before the method 'rate' gave 800"):
        accepts(None, journal)  # type: ignore[arg-type]
