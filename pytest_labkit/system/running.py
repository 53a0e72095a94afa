"""A system that runs: its programs can be looked at, killed and paused, its links be put under faults."""

from __future__ import annotations

import http.client
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_labkit.faults.link import Link
from pytest_labkit.faults.switchboard import Switchboard
from pytest_labkit.faults.undo import Fault, undo_all
from pytest_labkit.model import Lab
from pytest_labkit.services import local, processes, together
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.keeping import Say, silent
from pytest_labkit.services.local import Local
from pytest_labkit.services.members import ProcessMember
from pytest_labkit.settings import Settings
from pytest_labkit.system import health
from pytest_labkit.system.launch import recipe
from pytest_labkit.system.plan import Plan

_GRACE_S = 4.0  # for a program to end by itself at SIGTERM


@dataclass(frozen=True)
class Health:
    """
    How a program is now: whether it answers, what it cannot reach, and the end of its log if it is silent.
    """

    name: str
    url: str
    answers: bool
    unreachable: tuple[str, ...] = ()
    log_tail: tuple[str, ...] = ()

    @property
    def works(self) -> bool:
        """Whether it answers and reaches all that it calls."""
        return self.answers and not self.unreachable


class System:
    """
    The programs of a lab, running, and the links between them.

    Faults that were begun here are undone by `release`, and when this process ends, however it does.
    """

    def __init__(self, running: Local, seed: int) -> None:
        self.running = running
        self._seed = seed
        self._orders: Switchboard | None = None
        self._active: list[Fault] = []

    @property
    def urls(self) -> dict[str, str]:
        """Where each program serves."""
        return health.urls(self.running.endpoint)

    def health(self) -> list[Health]:
        """How each program is now, side by side: within a second, whatever is wrong with them."""
        found: dict[str, Health] = {}

        def look(number: int, name: str, url: str) -> None:
            found[name] = self._looked_at(number, name, url)

        together.each(
            lambda given: look(*given), [(i, n, u) for i, (n, u) in enumerate(self.urls.items(), 1)]
        )
        return [found[name] for name in self.urls]

    def member(self, name: str) -> ProcessMember:
        """The process of the program *name*; `KeyError` if there is none."""
        return dict(zip(self.urls, self.running.members()[1:], strict=True))[name]

    def link(self, caller: str, callee: str) -> Link:
        """The way from *caller* to *callee*, with all the faults that a link can have."""
        self._orders = self._orders or Switchboard(int(self.running.endpoint.address.rpartition(":")[2]))
        return Link(self._orders, self._active, f"{caller}-{callee}", self._seed)

    def release(self) -> None:
        """Undo what was begun here and is not undone."""
        undo_all(self._active)
        if self._orders is not None:
            self._orders.close()
            self._orders = None

    def stop(self) -> None:
        """Ask the programs to end, end those that do not, and remove what they left."""
        processes.stop(self.running.processes, grace_s=_GRACE_S)
        self.running.stop()

    def _looked_at(self, number: int, name: str, url: str) -> Health:
        if processes.find(self.running.processes[number]):
            try:
                reached = health.ask(url)
            except (OSError, http.client.HTTPException, ValueError, KeyError):
                pass
            else:
                return Health(name, url, True, tuple(other for other, good in reached.items() if not good))
        log = self.running.folder / self.running.logs[number]
        return Health(name, url, False, log_tail=tuple(processes.tail(log, 5)))


def start(
    lab: Lab,
    plan: Plan,
    endpoints: Iterable[Endpoint],
    settings: Settings,
    *,
    say: Say = silent,
    keep: bool = False,
) -> System:
    """
    Start the system of *lab* on the services at *endpoints*; it is healthy when this returns.

    With *keep* it outlives this process; without, it ends with it at the latest.

    Raises:
        ServiceFailed: A program ended, or they were not healthy in time.
        KitError: They cannot be started on this machine.
    """
    made = recipe(lab, plan, endpoints, settings)
    return System(local.start_by(made, lab.id, settings, say=say, keep=keep), settings.seed)
