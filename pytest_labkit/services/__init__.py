"""
Real Kafka, DynamoDB and Redis for a run; the one place that chooses where they come from.

Cheap to import and to make: a backend and a client library are loaded when a service is asked for.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import cast

from pytest_labkit.errors import KitError, UsageProblem
from pytest_labkit.services import leftovers, processes, state, together
from pytest_labkit.services.base import Backend, Endpoint, Running
from pytest_labkit.settings import Settings

__all__ = [
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

NAMES = ("kafka", "dynamodb", "redis")
"""The services that the kit can start."""

Say = Callable[[str], None]


def _silent(_: str) -> None:
    """For whoever has nobody to tell."""


@dataclass(frozen=True)
class Choice:
    """The backend of a run, and why it is that one, in words that end a sentence."""

    backend: str
    why: str


def choose(settings: Settings, names: Collection[str] = NAMES) -> Choice:
    """
    The backend that the services *names* come from.

    `auto` takes what `labkit up` runs already, then Docker if it can be used, then this machine.

    Raises:
        KitError: The backend asked for cannot be used, or with `auto` none can.
    """
    if settings.backend != "auto":
        if settings.backend != "external" and (
            problem := _backend(settings.backend).available(settings, names)
        ):
            raise KitError(
                f"--lab-backend {settings.backend} cannot be used: {problem}",
                "Use --lab-backend auto, which takes what can be had. labkit doctor shows what that is.",
            )
        return Choice(settings.backend, "as asked for")
    if kept := {told["backend"] for told in state.kept(settings.root).services().values()}:
        return Choice(min(kept), "labkit up started it")
    if (no_docker := _backend("docker").available(settings, names)) is None:
        return Choice("docker", "a Docker daemon answers")
    if (no_local := _backend("local").available(settings, names)) is None:
        return Choice("local", no_docker.rstrip("."))
    raise KitError(
        f"No backend can be used. docker: {no_docker} local: {no_local}",
        "Run: pip install 'pytest-labkit[labs]', or start Docker; labkit doctor checks both.",
    )


class Services:
    """
    The services of one run: started when asked for, side by side, and stopped in the end.

    Context manager. What `labkit up` keeps is used as it is and left running; the workers of one
    pytest-xdist run share one set, which the last of them stops.
    """

    def __init__(self, settings: Settings, say: Say = _silent) -> None:
        self._settings = settings
        self._say = say
        self._running: dict[str, Running] = {}
        self._own: set[str] = set()
        self._asked_for: list[str] = []
        self._lock = threading.RLock()
        run = settings.environ.get("PYTEST_XDIST_TESTRUNUID")
        self._shared = state.shared(settings, run) if run else None

    def __enter__(self) -> Services:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def choice(self) -> Choice:
        """The backend and why, decided for what was asked for first; raises `KitError` if there is none."""
        return choose(self._settings, self._asked_for or NAMES)

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
        names = list(dict.fromkeys(names))
        with self._lock:
            if not self._running:
                leftovers.sweep(self._settings)
            missing = [name for name in _known(names) if not _serves(self._running.get(name), brokers)]
            if missing:
                self._asked_for = self._asked_for or missing
                with self._sharing():
                    together.each(lambda name: self._obtain(name, brokers), missing)
            return {name: self._running[name].endpoint for name in names}

    def endpoint(self, name: str) -> Endpoint:
        """Where the service *name* can be reached; started if it does not run yet."""
        return self.start([name])[name]

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
        running = self._running[name]
        if not running.alive() and (again := self._started_again(running.endpoint)) is not None:
            self._running[name] = again
        return self._running[name]

    def _started_again(self, endpoint: Endpoint) -> Running | None:
        """The service that runs at *endpoint* now, by the books that others write in too."""
        for book in self._books():
            told = book.services().get(endpoint.service)
            if told is not None and told["endpoint"]["address"] == endpoint.address:
                found = _backend(told["backend"]).find(told, self._settings)
                if found is not None and found.alive():
                    return found
        return None

    def _books(self) -> list[state.Book]:
        """Where services are written down that others use too."""
        kept = state.kept(self._settings.root)
        return [kept] if self._shared is None else [kept, self._shared]

    def remember(self, name: str) -> None:
        """Write down for those who share *name* what has changed: a process started again is another."""
        with self._lock:
            running = self._running[name]
            for book in self._books():
                if name in book.services():
                    with book.locked():
                        if book.services()[name]["endpoint"]["address"] == running.endpoint.address:
                            book.put(running.describe())

    def log_tail(self, name: str) -> list[str]:
        """The last 20 lines that *name* logged."""
        running = self._running.get(name)
        return running.log_tail() if running else []

    def close(self) -> list[str]:
        """Stop what this run started, unless another worker of it goes on; the names. Safe to call twice."""
        with self._lock:
            names = sorted(self._own)
            mine = [running for name, running in self._running.items() if name in self._own]
            self._running, self._own = {}, set()
            if self._shared is None:
                stop_all(mine)
            elif self._shared.file.exists():
                self._leave(self._shared)
            return names

    def _obtain(self, name: str, brokers: int) -> None:
        """Have *name* running in `_running`: kept, shared with other workers, or started."""
        self._running[name] = (
            self._attached(state.kept(self._settings.root), name, brokers)
            or (self._shared and self._attached(self._shared, name, brokers))
            or self._started(name, brokers)
        )

    def _attached(self, book: state.Book, name: str, brokers: int) -> Running | None:
        """The service *name* in *book*, if it works, is big enough and of the backend asked for."""
        told = book.services().get(name)
        if told is None or self._settings.backend not in ("auto", told["backend"]):
            return None
        found = _backend(told["backend"]).find(told, self._settings)
        good = found is not None and _serves(found, brokers) and found.alive() and works(found.endpoint)
        return found if good else None

    def _started(self, name: str, brokers: int) -> Running:
        old = self._running.get(name)
        started = _backend(self.choice.backend).start(name, self._settings, brokers=brokers, say=self._say)
        if old is not None and name in self._own:  # it had too few brokers
            old.stop()
        self._own.add(name)
        if self._shared is not None:
            self._shared.put(started.describe())
        return started

    @contextmanager
    def _sharing(self) -> Iterator[None]:
        """Under pytest-xdist, keep the other workers from starting the same meanwhile."""
        if self._shared is None:
            yield
            return
        with self._shared.locked():
            self._shared.join(processes.identity())
            yield

    def _leave(self, book: state.Book) -> None:
        with book.locked():
            if book.leave(processes.identity()):
                found = (
                    _backend(told["backend"]).find(told, self._settings) for told in book.services().values()
                )
                stop_all([running for running in found if running is not None])
                book.remove()


@dataclass(frozen=True)
class Status:
    """A service that `labkit up` keeps: where it is, whether a round trip works, its last lines if not."""

    endpoint: Endpoint
    works: bool
    log_tail: tuple[str, ...] = ()


def up(settings: Settings, names: Iterable[str], *, brokers: int = 1, say: Say = _silent) -> list[Endpoint]:
    """
    Start *names* to outlive this process, for the runs of this checkout; those that run and work are kept.

    Raises:
        UsageProblem: There is no service of that name, or the backend is `external`.
        ServiceFailed, KitError: As `Services.start`; what did start is kept.
    """
    if settings.backend == "external":
        raise UsageProblem(
            "labkit up has nothing to start for --backend external: those services run already.",
            "Run pytest with --lab-backend external, or labkit up with --backend auto.",
        )
    names = _known(list(dict.fromkeys(names)))
    leftovers.sweep(settings)
    book = state.kept(settings.root)
    with book.locked():
        missing = [name for name in names if not _keeps(book, name, settings, brokers, say)]
        if missing:
            backend = _backend(choose(settings, missing).backend)
            writing = threading.Lock()

            def start(name: str) -> None:
                running = backend.start(name, settings, brokers=brokers, say=say, keep=True)
                with writing:
                    book.put(running.describe())
                running.settled()

            together.each(start, missing)
        told = book.services()
    return [Endpoint(**told[name]["endpoint"]) for name in names]


def _keeps(book: state.Book, name: str, settings: Settings, brokers: int, say: Say) -> bool:
    """Whether *book* has a good *name*; one that is not good is stopped and struck out."""
    told = book.services().get(name)
    if told is None:
        return False
    found = _backend(told["backend"]).find(told, settings)
    asked_for = settings.backend in ("auto", told["backend"])
    if found and asked_for and _serves(found, brokers) and found.alive() and works(found.endpoint):
        say(f"{name} runs already")
        return True
    say(f"{name} is started anew: what ran does not work any more, or is not what is asked for")
    if found:
        found.stop()
    book.drop(name)
    return False


def down(settings: Settings, say: Say = _silent) -> list[str]:
    """Stop what `labkit up` keeps for this checkout, and what killed runs left; the names of the former."""
    book = state.kept(settings.root)
    with book.locked():
        kept = book.services()
        for name, told in kept.items():
            if found := _backend(told["backend"]).find(told, settings):
                found.stop()
            book.drop(name)
            say(f"{name} is stopped")
        book.remove()
    for what in leftovers.sweep(settings):
        say(f"removed {what} of a run that was killed")
    return list(kept)


def status(settings: Settings) -> list[Status]:
    """What `labkit up` keeps for this checkout, each tried with a round trip now."""
    found = []
    for told in state.kept(settings.root).services().values():
        running = _backend(told["backend"]).find(told, settings)
        endpoint = Endpoint(**told["endpoint"])
        good = running is not None and running.alive() and works(endpoint)
        found.append(Status(endpoint, good, () if good or running is None else tuple(running.log_tail())))
    return found


def works(endpoint: Endpoint, *, timeout_s: float = 5.0) -> bool:
    """Whether a round trip to *endpoint* works now, in *timeout_s* seconds a step; never raises."""
    with suppress(Exception):
        probe(endpoint, timeout_s=timeout_s)
        return True
    return False


def probe(endpoint: Endpoint, *, timeout_s: float = 5.0) -> None:
    """Make a round trip to *endpoint*; raises if that does not work in *timeout_s* seconds a step."""
    importlib.import_module(f"pytest_labkit.services.{endpoint.service}").probe(endpoint, timeout_s=timeout_s)


def stop_all(running: Iterable[Running]) -> None:
    """Stop these side by side."""
    together.each(lambda service: service.stop(), running)


def _backend(name: str) -> Backend:
    return cast(Backend, importlib.import_module(f"pytest_labkit.services.{name}"))


def _known(names: list[str]) -> list[str]:
    for name in names:
        if name not in NAMES:
            raise UsageProblem(f"There is no service {name!r}.", f"The services are {', '.join(NAMES)}.")
    return names


def _serves(running: Running | None, brokers: int) -> bool:
    """Whether it is there, and has enough brokers if it is a Kafka of the kit's."""
    if running is None:
        return False
    endpoint = running.endpoint
    own_kafka = endpoint.service == "kafka" and endpoint.backend != "external"
    return not own_kafka or len(endpoint.address.split(",")) >= brokers
