"""
Real Kafka, DynamoDB, Redis and a search engine for a run; the one place that chooses where they come from.

Cheap to import and to make: a backend and a client library are loaded when a service is asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from functools import cached_property, partial
from types import TracebackType

from pytest_labkit.domain.errors import LabkitError
from pytest_labkit.host import concurrently, processes
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import leftovers, registry
from pytest_labkit.services.backends import Choice, backend_of, choose, known, probe, serves, works
from pytest_labkit.services.base import Endpoint, Running
from pytest_labkit.services.catalogue import BACKGROUND, EAGER, NAMES, SERVICES
from pytest_labkit.services.kept import Status, down, silent, status, up

__all__ = [
    "BACKGROUND",
    "NAMES",
    "Choice",
    "Endpoint",
    "Running",
    "Services",
    "Status",
    "choose",
    "down",
    "probe",
    "status",
    "up",
]

Say = Callable[[str], None]


class Services:
    """
    The services of one run: started when asked for, side by side, and stopped in the end.

    Context manager. What `labkit up` keeps is used as it is and left running; the workers of one
    pytest-xdist run share one set, which the last of them stops.
    """

    def __init__(self, settings: Settings, say: Say = silent) -> None:
        self._settings = settings
        self._closed = False
        self._say: Say = lambda line: None if self._closed else say(line)
        self._running: dict[str, Running] = {}
        self._of_test: dict[str, Running] = {}
        self.failures: dict[str, LabkitError] = {}  # why what was to be started does not run
        self._own: set[str] = set()
        self._asked_for: list[str] = []
        self._begun: dict[str, Future[None]] = {}
        self._lock = threading.RLock()
        run = settings.environ.get("PYTEST_XDIST_TESTRUNUID")
        self._shared = registry.shared(settings, run) if run else None
        self._shared_late = registry.shared(settings, f"{run}-late") if run else None

    def __enter__(self) -> Services:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def choice(self) -> Choice:
        """The backend and why, decided for what was asked for first; raises `KitError` if there is none."""
        return choose(self._settings, self._asked_for or list(self._begun) or EAGER)

    def start(self, names: Iterable[str], *, brokers: int = 1) -> dict[str, Endpoint]:
        """
        Start those of *names* that do not run yet, side by side; where each of *names* can be reached.

        Args:
            names: Some of `NAMES`.
            brokers: How many brokers Kafka has to have at least.

        Raises:
            UsageProblem: There is no service of that name, or the environment lacks its address.
            ServiceFailed: One did not become ready; the others were waited for and go on.
            KitError: One cannot be had on this machine.
        """
        names = known(list(dict.fromkeys(names)))
        self.begin(name for name in names if name in BACKGROUND)
        with self._lock:
            self._sweep()
            others = [name for name in names if name not in BACKGROUND]
            missing = [name for name in others if not serves(self._running.get(name), brokers)]
            if missing:
                self._asked_for = self._asked_for or missing
                with self._sharing(self._shared):
                    concurrently.each(lambda name: self._obtain(name, brokers), missing)
        for name in names:
            if name in self._begun:
                self._begun[name].result()
        return {name: self._running[name].endpoint for name in names}

    def begin(self, names: Iterable[str]) -> None:
        """
        Begin to start *names*, some of `BACKGROUND`, in the background; those that run or were begun go on.

        `start` and `endpoint` wait for them, and raise what their start raised, as often as they are asked.
        """
        with self._lock:
            for name in names:
                if name not in self._begun:
                    self._sweep()
                    self._begun[name] = concurrently.begin(partial(self._obtain_late, name))

    def settle(self) -> None:
        """Wait until nothing starts in the background any more, however it ended."""
        wait_for(list(self._begun.values()))

    def _obtain_late(self, name: str) -> None:
        with self._sharing(self._shared_late):
            self._obtain(name, 1)
        with self._lock:
            if self._closed and name in self._own:  # the run did not wait for it
                self._own.remove(name)
                self._running.pop(name).stop()

    def _sweep(self) -> None:
        """Remove what killed runs have left, before the first start."""
        if not self._running and not self._begun:
            leftovers.sweep(self._settings)

    def endpoint(self, name: str) -> Endpoint:
        """Where the service *name* can be reached, the test's own if it has one; started if need be."""
        return self._of_test[name].endpoint if name in self._of_test else self.start([name])[name]

    @contextmanager
    def own(self, name: str) -> Iterator[Endpoint]:
        """
        The service *name* for one test: its own server where that starts in milliseconds, else the run's.

        Meanwhile it is what `endpoint`, `running` and `healthy` are about.
        """
        shared = self.endpoint(name)
        if shared.backend not in SERVICES[name].own_server:
            yield shared
            return
        made = backend_of(shared.backend).start(name, self._settings, say=self._say)
        self._of_test[name] = made
        try:
            yield made.endpoint
        finally:
            self._of_test.pop(name, None)
            made.stop()

    def started(self) -> dict[str, Endpoint]:
        """What runs by now, but for what is a test's own."""
        return {name: running.endpoint for name, running in self._running.items()}

    def healthy(self, name: str) -> bool:
        """Whether a round trip to *name* works now; False also if it was never started."""
        if name not in self._running:
            return False
        running = self.running(name)
        return running.alive() and works(running.endpoint)

    @property
    def are_shared(self) -> bool:
        """Whether others may use them at the same time: another run, or workers of this one."""
        return self._shared is not None or any(
            running.endpoint.backend != "external"
            for name, running in self._running.items()
            if name not in self._own
        )

    def running(self, name: str) -> Running:
        """The service *name*, if another process has started it again as well; `KeyError` if nobody did."""
        if name in self._of_test:
            return self._of_test[name]
        running = self._running[name]
        if not running.alive() and (again := self._started_again(running.endpoint)) is not None:
            self._running[name] = again
        return self._running[name]

    def _started_again(self, endpoint: Endpoint) -> Running | None:
        """The service that runs at *endpoint* now, by the books that others write in too."""
        for book in self._books():
            told = book.services().get(endpoint.service)
            if told is not None and told["endpoint"]["address"] == endpoint.address:
                found = backend_of(told["backend"]).find(told, self._settings)
                if found is not None and found.alive():
                    return found
        return None

    def _books(self) -> list[registry.Registry]:
        """Where services are written down that others use too."""
        books = (registry.kept(self._settings.root), self._shared, self._shared_late)
        return [book for book in books if book is not None]

    def remember(self, name: str) -> None:
        """Write down for those who share *name* what has changed: a process started again is another."""
        with self._lock:
            running = self.running(name)
            for book in self._books():
                if name in book.services():
                    with book.locked():
                        if book.services()[name]["endpoint"]["address"] == running.endpoint.address:
                            book.put(running.describe())

    def log_tail(self, name: str) -> list[str]:
        """The last 20 lines that *name* logged."""
        running = self._of_test.get(name) or self._running.get(name)
        return running.log_tail() if running else []

    def close(self) -> list[str]:
        """Stop what this run started, unless another worker of it goes on; the names. Safe to call twice."""
        with self._lock:
            self._closed = True
            names = sorted(self._own)
            mine = [running for name, running in self._running.items() if name in self._own]
            of_test = list(self._of_test.values())
            self._running, self._of_test, self._own = {}, {}, set()
            stop_all([*of_test, *(mine if self._shared is None else [])])
            for book in (self._shared, self._shared_late):
                if book is not None and book.file.exists():
                    self._leave(book)
            return names

    def _obtain(self, name: str, brokers: int) -> None:
        """Have *name* running in `_running`: kept, shared with other workers, or started."""
        self.failures.pop(name, None)
        try:
            self._running[name] = (
                self._attached(registry.kept(self._settings.root), name, brokers)
                or ((book := self._shared_by(name)) and self._attached(book, name, brokers))
                or self._started(name, brokers)
            )
        except LabkitError as error:
            self.failures[name] = error
            raise

    def _attached(self, book: registry.Registry, name: str, brokers: int) -> Running | None:
        """The service *name* in *book*, if it works, is big enough and of the backend asked for."""
        told = book.services().get(name)
        if told is None or self._settings.backend not in ("auto", told["backend"]):
            return None
        found = backend_of(told["backend"]).find(told, self._settings)
        good = found is not None and serves(found, brokers) and found.alive() and works(found.endpoint)
        return found if good else None

    def _started(self, name: str, brokers: int) -> Running:
        old = self._running.get(name)
        choice = choose(self._settings, [name]) if name in BACKGROUND else self.choice
        started = backend_of(choice.backend).start(name, self._settings, brokers=brokers, say=self._say)
        if old is not None and name in self._own:  # it had too few brokers
            old.stop()
        self._own.add(name)
        if (book := self._shared_by(name)) is not None:
            book.put(started.describe())
        return started

    def _shared_by(self, name: str) -> registry.Registry | None:
        """Where the workers of a pytest-xdist run find *name*, if there are any."""
        return self._shared_late if name in BACKGROUND else self._shared

    @contextmanager
    def _sharing(self, book: registry.Registry | None) -> Iterator[None]:
        """Under pytest-xdist, keep the other workers from starting what is in *book* meanwhile."""
        if book is None:
            yield
            return
        with book.locked():
            book.join(processes.identity())
            yield

    def _leave(self, book: registry.Registry) -> None:
        with book.locked():
            if book.leave(processes.identity()):
                found = (
                    backend_of(told["backend"]).find(told, self._settings)
                    for told in book.services().values()
                )
                stop_all([running for running in found if running is not None])
                book.remove()


def stop_all(running: Iterable[Running]) -> None:
    """Stop these side by side."""
    concurrently.each(lambda service: service.stop(), running)
