"""What the fixture `answers` is: the student's modules, opened on first use, by the chosen door."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_labkit.answers.direct import DirectAnswers
from pytest_labkit.answers.process import ProcessAnswers
from pytest_labkit.answers.raised import AnswerMissing
from pytest_labkit.answers.staging import Staged


class Answers:
    """
    The answers of one lab, as a test reaches them: `answers.event_store.EventStore()`.

    Modules are loaded on first use, after the test's services are in the environment, and afresh
    for every test.
    """

    def __init__(self, staged: Staged, root: Path, door: str) -> None:
        self._staged = staged
        self._root = root
        self._door = door
        self._opened: DirectAnswers | ProcessAnswers | None = None
        self._children: list[ProcessAnswers] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._opened is None:
            self._opened = (
                DirectAnswers(self._staged, self._root) if self._door == "direct" else self.another_process()
            )
        return getattr(self._opened, name)

    def another_process(self) -> ProcessAnswers:
        """The same answers in a new child process; closed when the test ends if not before."""
        child = ProcessAnswers(self._staged, self._root)
        self._children.append(child)
        return child

    def path(self, relative: str) -> Path:
        """
        The student's file *relative*, such as `schemas/OrderCreated.avsc`.

        Raises:
            AnswerMissing: The student has no such file.
        """
        if relative not in self._staged.paths.values():
            raise AnswerMissing(f"there is no file {relative}")
        return self._staged.folder / relative

    def close(self) -> None:
        """End the children."""
        for child in self._children:
            child.close()
