"""A student's files are compiled before the fork; what is loaded after it is the same as ever."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pytest_labkit.answers.child import compiled, loading

Load = Callable[[], ModuleType]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A student's file that is not written yet, in a folder in which compiled files are found."""
    monkeypatch.setattr(compiled, "_codes", {})
    monkeypatch.setattr(sys, "path_importer_cache", dict(sys.path_importer_cache))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    compiled.find_in([str(tmp_path)])
    return tmp_path / "work.py"


@pytest.fixture
def load(file: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads the file afresh."""
    monkeypatch.setattr(sys, "modules", dict(sys.modules))

    def loaded() -> ModuleType:
        loading.open_package("compiled_lab", file.parent, [file.parent])
        loading.forget("compiled_lab", ["work"])
        importlib.invalidate_caches()
        return loading.load("compiled_lab", "work")

    return loaded


def test_what_is_compiled_is_not_compiled_again(file: Path, load: Load) -> None:
    """The module's code is the very code that was compiled before."""
    file.write_text("def f(): return 1")
    compiled.compile_files([str(file)])
    (code,) = compiled._codes.values()
    assert load().f.__code__ in code.co_consts


def test_a_file_that_has_changed_is_compiled_anew(file: Path, load: Load) -> None:
    """Also within the same second and to the same length."""
    file.write_text("def f(): return 1")
    compiled.compile_files([str(file)])
    file.write_text("def f(): return 2")
    assert 2 == load().f()


def test_a_file_that_cannot_be_compiled_says_so_when_it_is_loaded(file: Path, load: Load) -> None:
    """A syntax error is raised where the file is loaded, at its line; a missing file is no trouble."""
    file.write_text("x = 1\ndef")
    compiled.compile_files([str(file), str(file.with_name("none.py"))])
    with pytest.raises(SyntaxError, match="invalid syntax") as error:
        load()
    assert (str(file), 2) == (error.value.filename, error.value.lineno)


def test_a_warning_is_given_when_the_file_is_loaded(file: Path, load: Load) -> None:
    """What Python warns of while it compiles is printed where a student sees it."""
    file.write_text("def f(): return 1 is 1")
    compiled.compile_files([str(file)])
    with pytest.warns(SyntaxWarning, match='"is" with a literal'):
        load()
