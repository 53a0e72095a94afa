"""
What killed runs left behind: found at the start of the next one, and removed.

Only what has no owner any more: a run beside this one, and what `labkit up` keeps, are not touched.
"""

from __future__ import annotations

from contextlib import suppress

from pytest_labkit.domain.errors import KitError
from pytest_labkit.host import scratch
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import guard, registry

_ANSWER_S = 2.0  # for the Docker daemon; without one nothing of ours can run there


def sweep(settings: Settings) -> list[str]:
    """
    Remove processes, containers, networks and folders whose owner is gone; says what, in words.

    Those of this checkout; temporary folders, which no checkout owns, of this user's on this machine.
    """
    gone = guard.sweep(guard.folder(settings.root))
    folders = len(scratch.sweep())
    registry.sweep_shared(settings.root)
    if folders:
        gone.append("a temporary folder" if folders == 1 else f"{folders} temporary folders")
    return gone + _containers(settings)


def _containers(settings: Settings) -> list[str]:
    if not registry.docker_sign(settings).exists():
        return []
    from requests import RequestException

    from pytest_labkit.services.docker.daemon import connected
    from pytest_labkit.services.docker.owner import left, sweep

    with suppress(KitError, RequestException), connected(settings, timeout_s=_ANSWER_S) as client:
        removed = len(sweep(client, settings))
        if not left(client, settings):
            registry.docker_sign(settings).unlink(missing_ok=True)
        return [f"{removed} container{'s' * (removed > 1)}"] if removed else []
    return []
