"""Commands that a student is told to type: as they work in the folder that the student stands in."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from pytest_labkit.host.settings import Settings


def check(lab: Path, settings: Settings, *criteria: str) -> str:
    """The run of the lab in the folder *lab* on the same answers, of all its *criteria* if none is named."""
    words = ["pytest", typed(lab, settings), *_answers(settings)]
    words += [word for id_ in criteria for word in ("--lab-criterion", id_)]
    return " ".join(shlex.quote(word) for word in words)


def typed(path: Path, settings: Settings) -> str:
    """*path* as it is typed where the student stands: relative, where both are in the project."""
    here = settings.here or settings.root
    if path.is_relative_to(here) or (
        path.is_relative_to(settings.root) and here.is_relative_to(settings.root)
    ):
        return Path(os.path.relpath(path, here)).as_posix()
    return str(path)


def _answers(settings: Settings) -> list[str]:
    if settings.answers == (settings.root / "solutions",):
        return ["--lab-solution"]
    return [word for folder in settings.answers for word in ("--lab-answers", typed(folder, settings))]
