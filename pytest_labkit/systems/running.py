"""A system that runs: its programs can be looked at, killed and paused, its links be put under faults."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pytest_labkit.domain.errors import KitError, UsageProblem
from pytest_labkit.domain.model import Lab
from pytest_labkit.faults.daemon import ProxyDaemonClient
from pytest_labkit.faults.link import Link
from pytest_labkit.faults.undo import Fault, undo_all
from pytest_labkit.host import concurrently, processes
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import local
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.kept import Say, silent
from pytest_labkit.services.local import Local
from pytest_labkit.services.members import ProcessMember
from pytest_labkit.systems import health, launch
from pytest_labkit.systems.plan import Plan

_GRACE_S = 4.0  # for a program to end by itself at SIGTERM
_MENDED_S, _LOOK_S = 20.0, 0.1


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
        self._orders: ProxyDaemonClient | None = None
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

        concurrently.each(
            lambda given: look(*given), [(i, n, u) for i, (n, u) in enumerate(self.urls.items(), 1)]
        )
        return [found[name] for name in self.urls]

    def runs(self, name: str) -> bool:
        """Whether the process of the program *name* is there; `KeyError` if there is no such program."""
        return processes.find(dict(zip(self.urls, self.running.processes[1:], strict=True))[name]) is not None

    def log_tail(self, name: str, lines: int = 10) -> list[str]:
        """The last *lines* that the program *name* has logged; `KeyError` if there is no such program."""
        log = dict(zip(self.urls, self.running.logs[1:], strict=True))[name]
        return processes.tail(self.running.folder / log, lines)

    def member(self, name: str) -> ProcessMember:
        """The process of the program *name*; `KeyError` if there is none."""
        return dict(zip(self.urls, self.running.members()[1:], strict=True))[name]

    @property
    def ways(self) -> dict[str, int]:
        """The links, such as `order-payment`, and the ports of 127.0.0.1 at which each caller finds its."""
        return launch.ways(self.running.folder)

    @property
    def plan(self) -> Plan:
        """What it consists of."""
        return Plan.model_validate_json((self.running.folder / launch.PLAN).read_text("utf-8"))

    @property
    def alerts(self) -> Path | None:
        """The file of alert rules about its programs, `None` if there is none."""
        return launch.alerts(self.running.folder)

    def link(self, caller: str, callee: str) -> Link:
        """
        The way from *caller* to *callee*, with all the faults that a link can have.

        Raises:
            UsageProblem: There is no such way.
        """
        if f"{caller}-{callee}" not in self.ways:
            raise UsageProblem(
                f"There is no way from {caller!r} to {callee!r}.", f"There are {', '.join(self.ways)}."
            )
        self._orders = self._orders or ProxyDaemonClient(
            int(self.running.endpoint.address.rpartition(":")[2])
        )
        return Link(self._orders, self._active, f"{caller}-{callee}", self._seed)

    def release(self) -> None:
        """Undo what was begun here and is not undone."""
        undo_all(self._active)
        if self._orders is not None:
            self._orders.close()
            self._orders = None

    def mend(self, within_s: float = _MENDED_S) -> None:
        """
        Have all programs healthy again: start those that have ended, resume those that are stopped.

        Raises:
            KitError: They are not healthy after *within_s* seconds.
        """
        for name in self.urls:
            member = self.member(name)
            member.start()
            member.resume()
        deadline = time.monotonic() + within_s
        while not_well := [found.name for found in self.health() if not found.works]:
            if time.monotonic() > deadline:
                raise KitError(f"{not_well[0]} is not healthy {within_s:g} s after all faults were undone.")
            time.sleep(_LOOK_S)

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
    made = launch.recipe(lab, plan, endpoints, settings)
    return System(local.start_by(made, lab.id, settings, say=say, keep=keep), settings.seed)
