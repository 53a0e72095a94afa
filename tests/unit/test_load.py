"""Locust's own figures, as they are read from its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_labkit import load
from pytest_labkit.domain.errors import KitError
from pytest_labkit.load import Counted, Load

HEAD = "Type,Name,Request Count,Failure Count,Median Response Time,95%\n"


def test_rows_are_by_name(tmp_path: Path) -> None:
    """Requests, failures, and the 95th percentile, which a row without requests does not have."""
    file = tmp_path / "load_stats.csv"
    file.write_text(f"{HEAD}POST,charged,90,0,5,12\nPOST,none,0,0,N/A,N/A\n,Aggregated,100,10,6,2000\n")
    found = load.read(file)
    assert Counted(90, 0, 12.0) == found["charged"]
    assert Counted(0, 0, 0.0) == found["none"]
    assert 0.9 == found["Aggregated"].availability


def test_of_no_requests_none_was_answered() -> None:
    """So that a load that never came is no availability of 100 %."""
    assert 0.0 == Counted(0, 0, 0.0).availability


@pytest.mark.parametrize("text", [None, "Name,Request Count\na,b\n"], ids=["no file", "no figures"])
def test_no_figures_are_the_kit_s_trouble(text: str | None, tmp_path: Path) -> None:
    """Not a verdict about anybody's answers."""
    file = tmp_path / "load_stats.csv"
    if text is not None:
        file.write_text(text)
    with pytest.raises(KitError, match="Locust left no figures"):
        load.read(file)


def test_a_locust_that_ends_by_itself_is_told(tmp_path: Path) -> None:
    """With the last thing that it said."""
    made = Load(tmp_path / "missing.py", "http://127.0.0.1:9", 1, tmp_path)
    with made:
        assert made._process is not None
        made._process.wait(30)
        with pytest.raises(KitError, match=r"Locust ended by itself: .*missing\.py"):
            made.stop()
