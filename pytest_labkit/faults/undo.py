"""What every fault of the kit's has in common: it is begun, it is undone, and none is forgotten."""

from __future__ import annotations

from typing import Self

from pytest_labkit.domain.errors import KitError, LabkitError
from pytest_labkit.faults import deeds
from pytest_labkit.faults.deeds import Deed


class Fault:
    """
    A fault, active inside its `with`; undone at its end, also when the test raises.

    Made for one use. *active* is the list of those that are begun and not undone; *told* says in words
    what is broken, as a student reads it, and *cuts* that connections do not outlive it.
    """

    def __init__(self, active: list[Fault], name: str, told: str = "", *, cuts: bool = False) -> None:
        self.name = name
        self._cuts = cuts
        self._active = active
        self._told = told or name
        self._deed: Deed | None = None

    def __enter__(self) -> Self:
        self._deed = deeds.begin(self._told, cuts=self._cuts)
        self._active.append(self)  # first, so that what begins only in part is undone as well
        try:
            self._begin()
        except BaseException:
            self.undo()
            raise
        return self

    def __exit__(self, _kind: object, raised: BaseException | None, _traceback: object) -> None:
        if self._deed is not None:
            self._deed.ends(raised)
        self.undo()

    def undo(self) -> None:
        """
        Undo it, if it is not undone yet.

        It stays in *active* until that has worked: interrupted, it can be tried again.
        """
        if self._deed is not None:
            self._deed.ends()
        if self in self._active:
            self._end()
            self._active.remove(self)

    def _begin(self) -> None:
        raise NotImplementedError

    def _end(self) -> None:
        raise NotImplementedError


def undo_all(active: list[Fault]) -> None:
    """
    Undo what is left in *active*, the last one first.

    Raises:
        KitError: One could not be undone; the others are.
    """
    problems = []
    for fault in reversed(active[:]):
        try:
            fault.undo()
        except LabkitError as error:
            active.remove(fault)
            problems.append(f"{fault.name} could not be undone: {error.what}")
    if problems:
        raise KitError(
            "\n".join(problems), "No verdict follows from this test. Run: labkit down, then run again."
        )
