"""The system that `labkit up LAB --chaos` keeps for a checkout: started to outlive it, looked at, stopped."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_labkit.domain.model import Lab
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import local, registry
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.kept import Say, silent
from pytest_labkit.systems.plan import Plan
from pytest_labkit.systems.running import Health, System, start


def up(lab: Lab, plan: Plan, endpoints: Iterable[Endpoint], settings: Settings, say: Say = silent) -> System:
    """
    Start the system of *lab* to outlive this process; one that is there is stopped first.

    So it always runs the answers as they are now, on the services as they are now. Raises as `start`.
    """
    kept_in = book(settings)
    with kept_in.locked():
        _stop(kept_in, settings, say)
        started = start(lab, plan, endpoints, settings, say=say, keep=True)
        kept_in.put(started.running.describe())
        started.running.settled()
    return started


def down(settings: Settings, say: Say = silent) -> list[str]:
    """Stop what `up` keeps for this checkout; the names of the programs."""
    kept_in = book(settings)
    if not kept_in.file.exists():
        return []
    with kept_in.locked():
        return _stop(kept_in, settings, say)


def kept(settings: Settings) -> System | None:
    """The system that `up` keeps for this checkout, whatever has become of it; `None` if there is none."""
    return find(book(settings), settings)


def find(written: registry.Registry, settings: Settings) -> System | None:
    """The system that is *written* down there, whatever has become of it; `None` if there is none."""
    for told in written.services().values():
        if (found := local.find(told, settings)) is not None:
            return System(found, settings.seed)
    return None


def write_down(system: System, into: registry.Registry) -> None:
    """Have whoever finds *system* in that book find the processes that it has now."""
    with into.locked():
        into.put(system.running.describe())


def catch_up(system: System, with_book: registry.Registry) -> None:
    """Take over which processes *system* has now from what another process has written down."""
    told = with_book.services()[system.running.endpoint.service]
    system.running.processes[:] = told["processes"]


def status(settings: Settings) -> list[Health]:
    """How each program that `up` keeps is now; nothing if it keeps none."""
    found = kept(settings)
    return found.health() if found else []


def _stop(kept_in: registry.Registry, settings: Settings, say: Say) -> list[str]:
    names = []
    if (found := kept(settings)) is not None:
        names = list(found.urls)
        found.stop()
        say(f"{', '.join(names)} are stopped")
    for name in kept_in.services():
        kept_in.drop(name)
    return names


def book(settings: Settings) -> registry.Registry:
    """Where the system that `up` keeps for this checkout is written down."""
    return registry.Registry(settings.root / ".labkit" / "system.json")
