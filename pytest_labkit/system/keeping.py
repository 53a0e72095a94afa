"""The system that `labkit up LAB --chaos` keeps for a checkout: started to outlive it, looked at, stopped."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_labkit.model import Lab
from pytest_labkit.services import local, state
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.keeping import Say, silent
from pytest_labkit.settings import Settings
from pytest_labkit.system.plan import Plan
from pytest_labkit.system.running import Health, System, start


def up(lab: Lab, plan: Plan, endpoints: Iterable[Endpoint], settings: Settings, say: Say = silent) -> System:
    """
    Start the system of *lab* to outlive this process; one that is there is stopped first.

    So it always runs the answers as they are now, on the services as they are now. Raises as `start`.
    """
    book = _book(settings)
    with book.locked():
        _stop(book, settings, say)
        started = start(lab, plan, endpoints, settings, say=say, keep=True)
        book.put(started.running.describe())
        started.running.settled()
    return started


def down(settings: Settings, say: Say = silent) -> list[str]:
    """Stop what `up` keeps for this checkout; the names of the programs."""
    book = _book(settings)
    if not book.file.exists():
        return []
    with book.locked():
        return _stop(book, settings, say)


def kept(settings: Settings) -> System | None:
    """The system that `up` keeps for this checkout, whatever has become of it; `None` if there is none."""
    for told in _book(settings).services().values():
        if (found := local.find(told, settings)) is not None:
            return System(found, settings.seed)
    return None


def status(settings: Settings) -> list[Health]:
    """How each program that `up` keeps is now; nothing if it keeps none."""
    found = kept(settings)
    return found.health() if found else []


def _stop(book: state.Book, settings: Settings, say: Say) -> list[str]:
    names = []
    if (found := kept(settings)) is not None:
        names = list(found.urls)
        found.stop()
        say(f"{', '.join(names)} are stopped")
    for name in book.services():
        book.drop(name)
    return names


def _book(settings: Settings) -> state.Book:
    return state.Book(settings.root / ".labkit" / "system.json")
