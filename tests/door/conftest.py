"""A lab of one file that a student writes, behind either door, without pytest or a service."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_labkit.answers.child.children import Children
from pytest_labkit.answers.child.preload import Preload
from pytest_labkit.answers.door import Answers
from pytest_labkit.course import manifest
from pytest_labkit.course.submission import stage
from pytest_labkit.domain.model import Lab

PACKAGE = "little_lab"
DOORS = ("direct", "process")

LAB_TOML = """
id = "little"
title = "A little lab"
answers = ["work.py"]
parts = [{ id = "A", title = "Work", minutes = 1 }]
[[criteria]]
id = "A1"
part = "A"
title = "works"
points = 1
"""

GIVEN = '''
from pydantic import BaseModel

class Refused(Exception):
    """The lab's own exception, with a field."""
    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason, code)
        self.reason, self.code = reason, code

class Point(BaseModel):
    x: int
    y: int = 0
'''


@dataclass
class LittleLab:
    """The lab in *root*; each `open` is what one test is given."""

    root: Path
    children: Children
    opened: list[Answers] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """What the student writes."""
        return self.root / PACKAGE / "work.py"

    def open(self, text: str, door: str = "process") -> Answers:
        """The door to a student's file of this *text*."""
        self.file.write_text(dedent(text).lstrip("\n"))
        lab = self._read()
        answers = Answers(stage(lab, (), self.root), self.root, door, self.children)
        self.opened.append(answers)
        return answers

    def _read(self) -> Lab:
        return manifest.read(self.root / PACKAGE, self.root)


@pytest.fixture(scope="session")
def children() -> Iterator[Children]:
    """What starts children: warm for all tests."""
    made = Children(Preload(modules=("pydantic",)))
    yield made
    made.close()


@pytest.fixture
def lab(tmp_path: Path, children: Children) -> Iterator[LittleLab]:
    """The little lab, its file not written yet."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "lab.toml").write_text(LAB_TOML)
    (folder / "given.py").write_text(GIVEN)
    made = LittleLab(tmp_path, children)
    yield made
    for answers in made.opened:
        answers.close()
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
