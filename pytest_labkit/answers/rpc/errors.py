"""What a student's code raised, and where in the student's files that was."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Mapping

from pytest_labkit.domain.model import Frame


class AnswerRaised(Exception):
    """
    An exception of the student's code that is not one of the lab's own, from another process.

    What is raised is of a class made for it: it has the name of the student's, and derives from the
    nearest class that both sides know, so that a test may catch it as that.
    """

    def __init__(self, message: str) -> None:
        self.message = message
        Exception.__init__(self, message)  # past the class that it may derive from, which wants its own

    def __str__(self) -> str:  # not `message`: a student's class may keep something else by that name
        return str(self.args[0])

    @classmethod
    def named(cls, name: str, message: str, nearest: type[Exception] = Exception) -> AnswerRaised:
        """An exception of a class *name* that derives from *nearest*, where Python can make such a class."""
        for bases in ((cls, nearest), (cls,)):
            with contextlib.suppress(Exception):  # instances may be laid out differently; a name may be none
                kind: type[AnswerRaised] = type(name, bases, {})
                return kind(message)
        return cls(message)


class AnswerDied(Exception):
    """The process that ran the student's code ended before it answered."""


class Tampered(Exception):
    """
    The process that ran the student's code sent what no honest answer is; says what came.

    Ends the run's status in `tampered`, even where a test catches every exception.
    """


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
