"""What a student's code raised, and where in the student's files that was."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """A line of the student's that an exception passed through: file relative to the answers, line."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class AnswerRaised(Exception):
    """
    An exception of the student's code that is not one of the lab's own, from another process.

    *type_name* is the name of its class, *todo* whether it says that a stub is untouched.
    """

    def __init__(self, type_name: str, message: str) -> None:
        self.type_name = type_name
        super().__init__(f"{type_name}: {message}" if message else type_name)


class AnswerDied(Exception):
    """The process that ran the student's code ended before it answered."""


class AnswerMissing(Exception):
    """There is no such file among the answers."""


class NotAValue(TypeError):
    """Something that cannot cross between the test and the student's process, such as a generator."""


def frames(error: BaseException, answers: Mapping[str, str]) -> list[Frame]:
    """
    The frames of *error* that lie in the student's files, outermost first.

    Args:
        error: What was raised. One that came from another process brings its frames along; a
            `SyntaxError` counts as a frame at its line.
        answers: The student's files: absolute path -> path relative to the lab.
    """
    brought = getattr(error, "labkit_frames", None)
    if brought is not None:
        return list(brought)
    found = [
        Frame(answers[entry.filename], entry.lineno or 0, entry.name)
        for entry in traceback.extract_tb(error.__traceback__)
        if entry.filename in answers
    ]
    if isinstance(error, SyntaxError) and error.filename in answers:
        found.append(Frame(answers[str(error.filename)], error.lineno or 0, "<module>"))
    return found
