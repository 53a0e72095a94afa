"""Right designs beside the model answer: each must pass, and mutants are made of them."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from pytest_labkit.course.toml_lines import load
from pytest_labkit.domain.model import Criterion, Lab

FILE = "design.toml"


class Design(BaseModel):
    """
    Right answers to *parts* of a lab, in a folder of their own, and what their *description* says of them.

    One that is *slow* by its nature is not held to targets.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    description: str = Field(min_length=20)
    parts: list[str] = Field(min_length=1)
    slow: bool = False

    _folder: Path = PrivateAttr()

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self._folder

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self._folder.name

    def has_to_pass(self, criterion: Criterion) -> bool:
        """Whether *criterion* is one that it is held to."""
        return criterion.part in self.parts and not (criterion.targets and self.slow)


def folder_of(solutions: Path, name: str) -> Path:
    """Where the design *name* is, in the folder of a lab's *solutions*."""
    return solutions / "designs" / name


def designs(lab: Lab, solutions: Path) -> list[Design]:
    """The designs of *lab* in *solutions*; raises `Misfit` if one's `design.toml` cannot be read."""
    return [_read(path) for path in sorted(folder_of(solutions / lab.folder.name, "").glob(f"*/{FILE}"))]


def _read(path: Path) -> Design:
    _, design = load(path, Design)
    design._folder = path.parent
    return design
