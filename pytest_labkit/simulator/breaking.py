"""What breaks at a click: the link to the broker, an acknowledgement, the broker itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from pytest_labkit.domain.errors import LabkitError
from pytest_labkit.faults.faults import Faults
from pytest_labkit.services import Services

RESET_S = 0.3
LOST_S = 10.0
SLOW_S, JITTER_S = 0.05, 0.02

Say = Callable[..., None]


class Breaking:
    """The faults of the page: each is begun in a thread, said, and undone."""

    def __init__(self, faults: Faults, services: Services, say: Say) -> None:
        self._faults = faults
        self._services = services
        self._say = say
        self._slow: Any = None
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    @property
    def active(self) -> list[str]:
        """The faults that there are now."""
        return sorted(self._busy | ({"slow_link"} if self._slow is not None else set()))

    def slow_link(self) -> None:
        """Bytes are late, until this is called again."""
        with self._lock:
            if self._slow is not None:
                self._slow.undo()
                self._slow = None
                self._say("The link is fast again.", "fault")
                return
            slow = self._faults.kafka.latency(SLOW_S, jitter=JITTER_S)
            slow.__enter__()
            self._slow = slow
        self._say(f"The link to the broker is slow: {1000 * SLOW_S:g} ms in each direction.", "fault")

    def reset_link(self) -> None:
        """Connections are reset, and new ones for a moment."""
        self._begin("reset_link", self._reset)

    def lost_ack(self) -> None:
        """The broker stores what it is sent next, and its acknowledgement is lost."""
        self._begin("lost_ack", self._lose)

    def restart_broker(self) -> None:
        """The broker is killed, and started again; one that has ended is started."""
        self._begin("restart_broker", self._restart)

    def revive(self) -> bool:
        """Start a broker that has ended of itself, or was ended by somebody else; whether it had."""
        kafka = self._faults.kafka
        if self._services.running("kafka").alive():
            return False
        self._say("The broker had ended: it is started again.", "fault")
        for member in kafka.members():
            member.start()
        kafka.mended()
        self._say("The broker is back.", "fault")
        return True

    def undo(self) -> None:
        """All is well again."""
        with self._lock:
            if self._slow is not None:
                self._slow.undo()
                self._slow = None

    def _begin(self, name: str, do: Callable[[], None]) -> None:
        if name in self._busy:
            return
        self._busy.add(name)

        def run() -> None:
            try:
                do()
            except LabkitError as error:
                self._say(" ".join(f"{error.what} {error.hint or ''}".split()), "bad")
            finally:
                self._busy.discard(name)

        threading.Thread(target=run, name=f"labkit-{name}", daemon=True).start()

    def _reset(self) -> None:
        with self._faults.kafka.reset_peer():
            self._say(f"The link to the broker is reset, for {RESET_S:g} s.", "fault")
            time.sleep(RESET_S)

    def _lose(self) -> None:
        until = time.monotonic() + LOST_S
        with self._faults.kafka.lose_reply(times=1) as fault:
            while not fault.fired and time.monotonic() < until:
                time.sleep(0.02)
            lost = "An acknowledgement was lost."
            self._say(lost if fault.fired else "Nothing was sent, so no acknowledgement was lost.", "fault")

    def _restart(self) -> None:
        if not self.revive():
            self._say("The broker is killed.", "fault")
            self._faults.kafka.restart()
            self._say("The broker is back.", "fault")
