"""Which files of which folder are a student's answers."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pytest_labkit.course import manifest
from pytest_labkit.course.submission import stage
from pytest_labkit.domain.model import Lab

LAB3 = manifest.read(Path(__file__).parents[2] / "labs" / "lab3", Path(__file__).parents[2])


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab with two files that a student writes, and a given one."""
    folder = tmp_path / "labs" / "lab9"
    put(folder, "store.py", "stub")
    put(folder, "schemas/a.avsc", "stub")
    put(folder, "events.py", "given")
    return dataclasses.replace(LAB3, folder=folder, answers=("schemas/*.avsc", "store.py"))


def put(folder: Path, name: str, text: str) -> Path:
    """Write a file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_with_no_folder_the_labs_own_files_run_where_they_are(lab: Lab, tmp_path: Path) -> None:
    """Without other answers nothing is copied, so that breakpoints hit."""
    staged = stage(lab, (), tmp_path / "into")
    assert lab.folder == staged.folder
    assert ["schemas/a.avsc", "store.py"] == [file.path for file in staged.files]


def test_first_folder_wins_and_the_labs_own_comes_last(lab: Lab, tmp_path: Path) -> None:
    """Each file comes from the first folder that has it."""
    first, second = tmp_path / "first", tmp_path / "second"
    put(first, "lab9/store.py", "first")
    put(second, "store.py", "second")
    put(second, "schemas/b.avsc", "second")
    staged = stage(lab, (first, second), tmp_path / "into")
    texts = {file.path: (staged.folder / file.path).read_text() for file in staged.files}
    assert {"store.py": "first", "schemas/a.avsc": "stub", "schemas/b.avsc": "second"} == texts


def test_other_files_are_named_and_left(lab: Lab, tmp_path: Path) -> None:
    """What the lab does not ask for is not taken; copies of given files are not even worth a word."""
    mine = tmp_path / "mine"
    put(mine, "store.py", "mine")
    put(mine, "conftest.py", "bad")
    put(mine, "events.py", "given")
    put(mine, "planted/x/store.py", "bug")
    put(mine, "schemas/a.avsc", "mine")
    put(mine, "schemas/note.txt", "?")
    put(mine, "__pycache__/store.pyc", "")
    staged = stage(lab, (mine,), tmp_path / "into")
    assert ("conftest.py", "planted/", "schemas/note.txt") == staged.ignored
    assert not (staged.folder / "conftest.py").exists()


def test_changed_given_file_is_named(lab: Lab, tmp_path: Path) -> None:
    """A given file that was changed is not used, and is named."""
    mine = tmp_path / "mine"
    put(mine, "events.py", "changed")
    assert ("events.py",) == stage(lab, (mine,), tmp_path / "into").ignored


def test_symbolic_links_are_not_followed(lab: Lab, tmp_path: Path) -> None:
    """A link among the answers is not taken: it could show what is elsewhere on the machine."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "store.py").symlink_to(put(tmp_path, "secret", "secret"))
    staged = stage(lab, (mine,), tmp_path / "into")
    assert "stub" == (staged.folder / "store.py").read_text()
    assert ("store.py",) == staged.ignored
