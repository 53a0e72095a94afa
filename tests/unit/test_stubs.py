"""A stub is told from an answer by its syntax: it does nothing but raise `NotImplementedError`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_labkit.answers.rpc.errors import frames
from pytest_labkit.course.sources import untouched

RAISES = 'raise NotImplementedError("TODO B5: find it")'


def stub(tmp_path: Path, source: str, look_at: str | None = "answers.py:Index.find") -> Any:
    """What is found at the place *look_at* of a student's file with this *source*."""
    file = tmp_path / "answers.py"
    file.write_text(source)
    staged = SimpleNamespace(origin_of={"answers.py": file}.get)
    return untouched(staged, SimpleNamespace(look_at=look_at))  # type: ignore[arg-type]


def in_class(*lines: str) -> str:
    """A class `Index` with a method `find` of these *lines*."""
    return "class Index:\n    def find(self):\n" + "".join(f"        {line}\n" for line in lines)


@pytest.mark.parametrize("lines", [(RAISES,), ('"""Find."""', RAISES), ("raise NotImplementedError",)])
def test_nothing_but_the_error_is_a_stub(tmp_path: Path, lines: tuple[str, ...]) -> None:
    """With a docstring or without, with words or without; the student's line is the one that raises."""
    error = stub(tmp_path, in_class(*lines))
    assert isinstance(error, NotImplementedError)
    assert ("TODO B5: find it" if RAISES in lines else "") == str(error)
    (frame,) = frames(error, {})
    assert ("answers.py", 2 + len(lines), "find") == (frame.file, frame.line, frame.function)


@pytest.mark.parametrize(
    "source",
    [
        in_class("x = 1", RAISES),
        in_class("return []"),
        in_class('"""Find."""'),
        in_class("raise ValueError('x')"),
        in_class("raise"),
        in_class("raise errors.NotImplementedError()"),
        "class Index:\n    pass\n",
        "Index = 1\n",
        "def Index(:\n",
        "",
    ],
)
def test_anything_else_is_an_answer(tmp_path: Path, source: str) -> None:
    """Also what does not load: the tests will tell."""
    assert stub(tmp_path, source) is None


@pytest.mark.parametrize("look_at", [None, "answers.py", "answers.py:Index", "other.py:Index.find"])
def test_a_criterion_that_names_no_function_says_nothing(tmp_path: Path, look_at: str | None) -> None:
    """Or one of another file."""
    assert stub(tmp_path, in_class(RAISES), look_at) is None
