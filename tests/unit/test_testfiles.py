"""Which criteria the tests of a file are about is read without importing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_labkit.course import testfiles

LAB = """
id = "tiny"
title = "T"
answers = ["a.py"]
[[parts]]
id = "A"
title = "P"
minutes = 1
"""
CRITERION = '[[criteria]]\nid = "{}"\npart = "A"\ntitle = "c"\npoints = 1\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A lab with the criteria A1 and A2."""
    folder = tmp_path / "labs" / "tiny"
    folder.mkdir(parents=True)
    (folder / "lab.toml").write_text(LAB + CRITERION.format("A1") + CRITERION.format("A2"))
    return folder


def written(folder: Path, text: str, name: str = "test_a.py") -> Path:
    """A file with the tests *text*."""
    path = folder / name
    path.write_text(f"import pytest\n{text}")
    return path


OF_A1 = '@pytest.mark.criterion("A1")\ndef test_one(): pass\n'
WHOLE_FILE_OF_A1 = 'pytestmark = pytest.mark.criterion("A1")\ndef test_one(): pass\n'
ONE_OF_A2 = WHOLE_FILE_OF_A1 + '@pytest.mark.criterion("A2")\ndef test_two(): pass\n'
WITHOUT = OF_A1 + "def test_two(): pass\n"


@pytest.mark.parametrize("text", [OF_A1, WHOLE_FILE_OF_A1])
def test_a_file_of_other_criteria_is_left_out(folder: Path, text: str) -> None:
    """Whether each test is marked or the file as a whole."""
    path = written(folder, text)
    assert testfiles.is_beside(path, folder.parents[1], ["A2"])
    assert not testfiles.is_beside(path, folder.parents[1], ["A1"])


@pytest.mark.parametrize("text", [ONE_OF_A2, WITHOUT, "", "def broken(:"])
def test_a_file_with_anything_else_is_kept(folder: Path, text: str) -> None:
    """One test of a wanted criterion, or of none, and a file that cannot be read: pytest is to see them."""
    assert not testfiles.is_beside(written(folder, text), folder.parents[1], ["A2"])


def test_what_is_mistyped_leaves_nothing_out(folder: Path) -> None:
    """A criterion that the lab has not got is told, and for that a test of the lab has to be there."""
    assert not testfiles.is_beside(written(folder, OF_A1), folder.parents[1], ["A9"])


def test_files_outside_of_labs_are_kept(folder: Path) -> None:
    """A test of the project's own, and what is no test."""
    assert not testfiles.is_beside(written(folder.parents[1], OF_A1), folder.parents[1], ["A2"])
    assert not testfiles.is_beside(written(folder, OF_A1, "conftest.py"), folder.parents[1], ["A2"])


def test_a_file_that_was_changed_is_read_anew(folder: Path) -> None:
    """Within one process too."""
    path = written(folder, OF_A1)
    assert testfiles.is_beside(path, folder.parents[1], ["A2"])
    written(folder, ONE_OF_A2)
    assert not testfiles.is_beside(path, folder.parents[1], ["A2"])
