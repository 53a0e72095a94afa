"""What the fixture `answers` is: the student's modules, opened on first use, by the chosen door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pytest_labkit.answers import clocks
from pytest_labkit.answers.child import loading
from pytest_labkit.answers.child.children import Children
from pytest_labkit.answers.child.stacks import Stack, stacks_here
from pytest_labkit.answers.direct import DirectAnswers
from pytest_labkit.answers.process import ProcessAnswers
from pytest_labkit.answers.rpc.errors import AnswerMissing, Tampered, frames
from pytest_labkit.course.submission import Staged
from pytest_labkit.domain.model import Frame


class Answers:
    """
    The answers of one lab, as a test reaches them: `answers.event_store.EventStore()`.

    Modules are loaded on first use, after the test's services are in the environment, and afresh
    for every test.
    """

    def __init__(self, staged: Staged, root: Path, door: str, children: Children) -> None:
        self._staged = staged
        self._root = root
        self._door = door
        self._children = children
        self._opened: DirectAnswers | ProcessAnswers | None = None
        self._processes: list[ProcessAnswers] = []
        self._clock = clocks.Clock()
        self._instant: datetime | None = None
        # The test needs the given files in either door; the student's are reached by a door only.
        loading.open_package(staged.lab.package, root, [staged.lab.folder])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._open(), name)

    def _open(self) -> DirectAnswers | ProcessAnswers:
        if self._opened is None:
            is_direct = self._door == "direct"
            self._opened = DirectAnswers(self._staged, self._root) if is_direct else self._process("answers")
        return self._opened

    def beside(self, name: str) -> Any:
        """
        The lab's given file *name*`.py`, loaded where the student's code runs.

        For what has to be near it: a loop that calls it thousands of times a second. What such a file
        returns is the student's word: check it by what is in the services.

        Raises:
            AnswerMissing: The lab gives no such file.
        """
        return self._open().beside(name)

    def another_process(self) -> ProcessAnswers:
        """
        The same answers in a new child process; closed when the test ends if not before.

        It has another hash seed than the first: what relies on `hash("…")` does not hold between them.
        """
        return self._process("another")

    def path(self, relative: str) -> Path:
        """
        The student's file *relative*, such as `schemas/OrderCreated.avsc`.

        Raises:
            AnswerMissing: The student has no such file.
        """
        if relative not in self._staged.paths.values():
            raise AnswerMissing(f"there is no file {relative}")
        return self._staged.folder / relative

    def unwritten(self, relative: str, what: str) -> NotImplementedError:
        """
        To be raised where *relative*, a file of the student's that is no code, is a stub: that is `todo`.

        It leads to the first line of the file that has a TODO.
        """
        lines = self.path(relative).read_text("utf-8", "replace").splitlines()
        line = next((number for number, text in enumerate(lines, 1) if "TODO" in text), 1)
        error = NotImplementedError(what)
        error.labkit_frames = [Frame(relative, line, relative)]  # type: ignore[attr-defined]
        return error

    @contextmanager
    def frozen(self, instant: datetime) -> Iterator[FrozenClock]:
        """
        Stop the clocks of the test and of the answers at *instant*: `with answers.frozen(at) as clock:`.

        `time.time`, `time.monotonic`, `datetime.now` and the like stand still in the test, in the
        student's code and in processes that are started meanwhile; `time.sleep` and waiting on locks
        take their real time, and so do the kit's time limits. A naive *instant* is in UTC.
        """
        clock = FrozenClock(self, instant)
        try:
            clock.move_to(instant)
            yield clock
        except Exception:
            self._set_clocks(None)
            raise
        except BaseException:
            self._set_own_clock(None)  # the test is ended, and its children with it: one that hangs is deaf
            raise
        else:
            self._set_clocks(None)

    def _set_clocks(self, instant: datetime | None) -> None:
        self._set_own_clock(instant)
        for process in self._processes:
            process.set_clock(instant)

    def _set_own_clock(self, instant: datetime | None) -> None:
        self._instant = instant
        self._clock.set(instant)

    def _process(self, kind: str) -> ProcessAnswers:
        child = self._children.start(kind)
        process = ProcessAnswers(self._staged, self._root, child, self._children.environ)
        self._processes.append(process)
        if self._instant is not None:
            process.set_clock(self._instant)
        return process

    # What the kit asks for when a test ends

    def raise_trouble(self) -> None:
        """Raise what the children did that no test asked for, whatever the test made of it."""
        troubles = [process.trouble for process in self._processes if process.trouble is not None]
        for trouble in sorted(troubles, key=lambda trouble: not isinstance(trouble, Tampered)):
            raise trouble

    def stacks(self, error: BaseException | None = None) -> list[Stack]:
        """
        End the children; the student's frames of each thread just then, innermost first.

        *error* is what ended the test: it passed the frames of the thread that it was raised in.
        """
        passed = tuple(reversed(frames(error, self._staged.paths))) if error else ()
        ours = [passed] if passed else []
        theirs = [stack for process in self._processes for stack in process.stacks()]
        return ours + stacks_here(self._staged.paths) + theirs

    def printed(self) -> str:
        """What the children have printed since this was last asked."""
        return "".join(process.printed() for process in self._processes)

    def leave(self) -> None:
        """End the children and go on: no other is given before they, and all that they started, are gone."""
        for process in self._processes:
            process.begin_to_end()
        if self._processes:
            self._children.leave(self.close)

    def close(self) -> None:
        """End the children; returns when they and all that they started are gone."""
        for process in self._processes:
            process.close()


class FrozenClock:
    """The clock of the test and of the answers, which moves when it is told to."""

    def __init__(self, answers: Answers, instant: datetime) -> None:
        self._answers = answers
        self._now = instant

    @property
    def now(self) -> datetime:
        """The instant that it shows."""
        return self._now

    def tick(self, seconds: float = 1.0) -> None:
        """Let *seconds* pass, all at once."""
        self.move_to(self._now + timedelta(seconds=seconds))

    def move_to(self, instant: datetime) -> None:
        """Let it be *instant*: forth, or back. The monotonic clock goes with it."""
        self._now = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        self._answers._set_clocks(self._now)
