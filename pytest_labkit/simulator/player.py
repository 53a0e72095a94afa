"""One who plays: a thread that drives a process of answers, and begins anew when that was killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pytest_labkit.answers.process import ProcessAnswers
from pytest_labkit.answers.rpc.errors import AnswerDied, AnswerMissing
from pytest_labkit.domain.errors import KitError
from pytest_labkit.simulator import trouble

HANGS_S = 20.0
"""A call that takes longer, while the broker answers, hangs."""

AGAIN_S = 0.5
_GIVEN_UP = 3

Say = Callable[..., None]


class Player:
    """
    Plays until it is closed. What its answers raise or do is said in a sentence; then it goes on.

    Args:
        name: As sentences call it.
        process: Gives it a new process.
        say: Takes a sentence and its kind.
        hangs_s: How long one call may take.
    """

    def __init__(
        self, name: str, process: Callable[[], ProcessAnswers], say: Say, hangs_s: float = HANGS_S
    ) -> None:
        self.name = name
        self.lives = self.kills = 0
        self._new_process = process
        self._say = say
        self._hangs_s = hangs_s
        self._process: ProcessAnswers | None = None
        self._since: float | None = None  # when the call that runs began
        self._was_killed = self._has_hung = False
        self._failed = 0  # lives in a row that came to nothing
        self._over = threading.Event()
        self._going = threading.Event()
        self._thread = threading.Thread(target=self._play, name=f"labkit-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._going.set()
        self._thread.start()

    def pause(self) -> None:
        """Call nothing more until `go_on`."""
        self._going.clear()

    def go_on(self) -> None:
        """Call again."""
        self._going.set()

    @property
    def is_given_up(self) -> bool:
        """Whether it has ended of itself, as to go on is of no use."""
        return self._failed >= _GIVEN_UP

    def kill(self) -> None:
        """SIGKILL, now; it begins anew soon."""
        self._was_killed = True
        if self._process is not None:
            self._process.kill()

    def watch(self) -> None:
        """End a call that has taken too long."""
        since = self._since
        if since is not None and time.monotonic() - since > self._hangs_s and self._process is not None:
            self._since = None
            self._has_hung = True
            self._say(trouble.hung(self.name, self._process, self._hangs_s), "bad")

    def printed(self) -> str:
        """What its answers have printed since this was last asked, of the last 64 KB."""
        return self._process.printed() if self._process is not None else ""

    def close(self) -> None:
        """Play no more; its process ends."""
        self._over.set()
        self._going.set()
        if self._process is not None:
            self._process.kill()
        if self._thread.is_alive():
            self._thread.join(5.0)

    # --- what is played

    def _enter(self, process: ProcessAnswers) -> None:
        raise NotImplementedError

    def _act(self) -> None:
        raise NotImplementedError

    def _play(self) -> None:
        while not self._over.is_set() and not self.is_given_up:
            try:
                self._live()
            except Exception as error:
                self._told(error)
            finally:
                self._leave()
            if not self.is_given_up:
                self._over.wait(AGAIN_S)
        if self.is_given_up and not self._over.is_set():
            self._say(f"{self.name} was given up. Mend the file, and press Reset.", "bad")

    def _live(self) -> None:
        self._process = self._new_process()
        if self._over.is_set():
            return
        self.lives += 1
        self._timed(lambda: self._enter(self._process))  # type: ignore[arg-type]
        while not self._over.is_set():
            self._going.wait()
            if not self._over.is_set():
                self._act()

    def _timed(self, call: Callable[[], Any]) -> Any:
        self._since = time.monotonic()
        try:
            return call()
        finally:
            self._since = None

    def _leave(self) -> None:
        if self._process is not None:
            with suppress(KitError, OSError):
                self._process.close()

    def _told(self, error: Exception) -> None:
        if self._over.is_set():
            return
        if self._was_killed and isinstance(error, AnswerDied):
            self._was_killed, self._failed = False, 0
            self.kills += 1
            self._say(f"{self.name} was killed; it is started again.", "fault")
            return
        if self._has_hung and isinstance(error, AnswerDied):  # which was said
            self._has_hung = False
            self._failed += 1
            return
        if isinstance(error, AnswerMissing) or trouble.is_unwritten(error):
            self._failed = _GIVEN_UP
        elif not trouble.is_of_the_broker(error):
            self._failed += 1
        self._say(trouble.sentence(self.name, error), "bad")
