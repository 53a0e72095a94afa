"""What a student's code raised, and where in the student's files that was."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Frame:
    """A line of the student's that an exception passed through: file relative to the answers, line."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class AnswerRaised(Exception):  # noqa: N818 - a fact about the answers, told in the words of the kit
    """
    An exception of the student's code that is not one of the lab's own, from another process.

    *type_name* is the name of its class, *todo* whether it says that a stub is untouched.
    """

    def __init__(self, type_name: str, message: str) -> None:
        self.type_name = type_name
        super().__init__(f"{type_name}: {message}" if message else type_name)


class AnswerDied(Exception):  # noqa: N818
    """The process that ran the student's code ended before it answered."""


class AnswerMissing(Exception):  # noqa: N818
    """There is no such file among the answers."""


class NotAValue(TypeError):  # noqa: N818
    """Something that cannot cross between the test and the student's process, such as a generator."""


def frames(error: BaseException, folder: Path) -> list[Frame]:
    """
    The frames of *error* that lie in *folder*, outermost first.

    An exception that came from another process brings its own along. A `SyntaxError` in a file of
    *folder* counts as a frame at its line.
    """
    brought = getattr(error, "labkit_frames", None)
    if brought is not None:
        return list(brought)
    found = [
        Frame(_inside(entry.filename, folder), entry.lineno or 0, entry.name)
        for entry in traceback.extract_tb(error.__traceback__)
        if _inside(entry.filename, folder)
    ]
    if isinstance(error, SyntaxError) and error.filename and _inside(error.filename, folder):
        found.append(Frame(_inside(error.filename, folder), error.lineno or 0, "<module>"))
    return found


def _inside(filename: str, folder: Path) -> str:
    """*filename* relative to *folder*, or an empty string if it does not lie there."""
    path = Path(filename)
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else ""
