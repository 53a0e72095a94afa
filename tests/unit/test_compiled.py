"""A template is compiled once, and again when it, Jinja or Python is another."""

from __future__ import annotations

import sys
from pathlib import Path

import jinja2
import pytest

from pytest_labkit.report.compiled import Compiled


class Counting(jinja2.Environment):
    """Counts how often it compiles."""

    compiled = 0

    def compile(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        """As Jinja does."""
        self.compiled += 1
        return super().compile(*args, **kwargs)  # type: ignore[call-overload]


@pytest.fixture(autouse=True)
def _keeps_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python does unless it is told not to."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def rendered(folder: Path) -> tuple[str, int]:
    """The page by a new environment, and how often that compiled."""
    page = folder / "page.j2"
    if not page.exists():
        page.write_text("Hello {{ name }}")
    environment = Counting(
        loader=jinja2.FileSystemLoader(folder), bytecode_cache=Compiled(folder / "__pycache__")
    )
    text = environment.get_template("page.j2").render(name="you")
    return text, environment.compiled


def test_it_is_compiled_once(tmp_path: Path) -> None:
    """The second run takes what the first kept."""
    assert ("Hello you", 1) == rendered(tmp_path)
    assert ("Hello you", 0) == rendered(tmp_path)


def test_a_changed_template_is_compiled_anew(tmp_path: Path) -> None:
    """What was kept is of another text."""
    rendered(tmp_path)
    (tmp_path / "page.j2").write_text("Bye {{ name }}")
    assert ("Bye you", 1) == rendered(tmp_path)


def test_another_jinja_compiles_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code may look otherwise."""
    rendered(tmp_path)
    monkeypatch.setattr(jinja2, "__version__", "99")
    assert ("Hello you", 1) == rendered(tmp_path)


def test_half_a_file_is_nothing(tmp_path: Path) -> None:
    """It is compiled again, and kept again."""
    rendered(tmp_path)
    (kept,) = (tmp_path / "__pycache__").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    assert ("Hello you", 1) == rendered(tmp_path)
    assert ("Hello you", 0) == rendered(tmp_path)


def test_where_nothing_can_be_kept_it_is_compiled_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PYTHONDONTWRITEBYTECODE is set, or there is no folder to be had."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert ("Hello you", 1) == rendered(tmp_path)
    assert not (tmp_path / "__pycache__").exists()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "__pycache__").touch()
    assert ("Hello you", 1) == rendered(tmp_path)
