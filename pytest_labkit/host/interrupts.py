"""
The three polite ways to end a run (Ctrl-C, SIGTERM, SIGHUP), made one.

Each ends the run as Ctrl-C does: what has finished is reported, and what was started is stopped. Once
that has begun, none of them is obeyed any more, so that nothing is left half cleaned up.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


class Interrupted(KeyboardInterrupt):
    """The run was asked to end, by the signal of this name."""


class Interrupts:
    """How this process takes the signals, from `listen` to `restore`; *say* prints a line."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._before: dict[int, Any] = {}
        self.by: str | None = None  # the signal that ended the run, if one did

    def listen(self, *, once: bool = False) -> None:
        """
        End the run at the first of the signals. One that is ignored (`nohup`) stays so.

        With *once* the first winds it up, as no code but the kit's can be in the way.
        """
        self._take(self._end_once if once else self._end)

    def shield(self) -> None:
        """From now on the run is being wound up: no signal but SIGKILL stops that."""
        self._take(self._wait)

    def restore(self) -> None:
        """Back to how it was."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _take(self, handler: Callable[[int, FrameType | None], None]) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # Python lets only the main thread do that
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                before = signal.signal(number, handler)
                self._before.setdefault(number, before)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self.by = signal.Signals(number).name
        raise Interrupted(self.by)

    def _end_once(self, number: int, frame: FrameType | None) -> None:
        self.shield()
        self._end(number, frame)

    def _wait(self, _number: int, _frame: FrameType | None) -> None:
        with suppress(RuntimeError, OSError):  # it came in the middle of another line; the terminal is gone
            self._say("cleaning up; it takes a few seconds")


@contextmanager
def interruptible(say: Callable[[str], None]) -> Iterator[None]:
    """Each of the signals ends, once, what is done inside, which then cleans up undisturbed."""
    interrupts = Interrupts(say)
    interrupts.listen(once=True)
    try:
        yield
    finally:
        interrupts.restore()
