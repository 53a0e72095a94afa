"""What `labkit up` keeps for the runs of a checkout: started to outlive it, looked at, stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.host import concurrently
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import leftovers, registry
from pytest_labkit.services.backends import backend_of, choose, known, serves, works
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.catalogue import BACKGROUND

Say = Callable[[str], None]


def silent(_: str) -> None:
    """For whoever has nobody to tell."""


@dataclass(frozen=True)
class Status:
    """A service that `labkit up` keeps: where it is, whether a round trip works, its last lines if not."""

    endpoint: Endpoint
    works: bool
    log_tail: tuple[str, ...] = ()


def up(settings: Settings, names: Iterable[str], *, brokers: int = 1, say: Say = silent) -> list[Endpoint]:
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
    names = known(list(dict.fromkeys(names)))
    leftovers.sweep(settings)
    book = registry.kept(settings.root)
    with book.locked():
        missing = [name for name in names if not _keeps(book, name, settings, brokers, say)]
        if missing:
            _start(missing, book, settings, brokers, say)
        told = book.services()
    return [Endpoint(**told[name]["endpoint"]) for name in names]


def _start(names: list[str], book: registry.Registry, settings: Settings, brokers: int, say: Say) -> None:
    """Start *names* side by side, each written into *book* as soon as it works."""
    eager = [name for name in names if name not in BACKGROUND]
    choice = choose(settings, eager) if eager else None
    writing = threading.Lock()

    def start(name: str) -> None:
        chosen = choose(settings, [name]) if choice is None or name in BACKGROUND else choice
        backend = backend_of(chosen.backend)
        running = backend.start(name, settings, brokers=brokers, say=say, keep=True)
        with writing:
            book.put(running.describe())
        running.settled()

    concurrently.each(start, names)


def _keeps(book: registry.Registry, name: str, settings: Settings, brokers: int, say: Say) -> bool:
    """Whether *book* has a good *name*; one that is not good is stopped and struck out."""
    told = book.services().get(name)
    if told is None:
        return False
    found = backend_of(told["backend"]).find(told, settings)
    asked_for = settings.backend in ("auto", told["backend"])
    if found and asked_for and serves(found, brokers) and found.alive() and works(found.endpoint):
        say(f"{name} runs already")
        return True
    say(f"{name} is started anew: what ran does not work any more, or is not what is asked for")
    if found:
        found.stop()
    book.drop(name)
    return False


def down(settings: Settings, say: Say = silent, *, spare: Collection[str] = ()) -> list[str]:
    """
    Stop what `labkit up` keeps for this checkout, and what killed runs left; the names of the former.

    Those of *spare* go on.
    """
    book = registry.kept(settings.root)
    with book.locked():
        kept = {name: told for name, told in book.services().items() if name not in spare}
        for name, told in kept.items():
            if found := backend_of(told["backend"]).find(told, settings):
                found.stop()
            book.drop(name)
            say(f"{name} is stopped")
        if not spare:
            book.remove()
    for what in leftovers.sweep(settings):
        say(f"removed {what} of a run that was killed")
    return list(kept)


def status(settings: Settings) -> list[Status]:
    """What `labkit up` keeps for this checkout, each tried with a round trip now."""
    found = []
    for told in registry.kept(settings.root).services().values():
        running = backend_of(told["backend"]).find(told, settings)
        endpoint = Endpoint(**told["endpoint"])
        good = running is not None and running.alive() and works(endpoint)
        found.append(Status(endpoint, good, () if good or running is None else tuple(running.log_tail())))
    return found
