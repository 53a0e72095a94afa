"""
What killed runs left behind: found at the start of the next one, and removed.

Only what has no owner any more: a run beside this one, and what `labkit up` keeps, are not touched.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pytest_labkit.errors import KitError
from pytest_labkit.services import guard, scratch, state
from pytest_labkit.settings import Settings

_ANSWER_S = 2.0  # for the Docker daemon; without one nothing of ours can run there


def sweep(settings: Settings) -> list[str]:
    """
    Remove processes, containers, networks and folders whose owner is gone; says what, in words.

    Those of this checkout; temporary folders, which no checkout owns, of this user's on this machine.
    """
    gone = guard.sweep(guard.folder(settings.root))
    folders = len(scratch.sweep())
    state.sweep_shared(settings.root)
    if folders:
        gone.append("a temporary folder" if folders == 1 else f"{folders} temporary folders")
    return gone + _containers(settings)


def docker_is_used(settings: Settings) -> None:
    """Remember that there may be containers of this checkout: only then does a sweep ask the daemon."""
    sign = _sign(settings)
    sign.parent.mkdir(parents=True, exist_ok=True)
    sign.touch()


def _sign(settings: Settings) -> Path:
    return settings.root / ".labkit" / "docker"


def _containers(settings: Settings) -> list[str]:
    if not _sign(settings).exists():
        return []
    from requests import RequestException

    from pytest_labkit.services.docker_daemon import connected
    from pytest_labkit.services.docker_owner import left, sweep

    with suppress(KitError, RequestException), connected(settings, timeout_s=_ANSWER_S) as client:
        removed = len(sweep(client, settings))
        if not left(client, settings):
            _sign(settings).unlink(missing_ok=True)
        return [f"{removed} container{'s' * (removed > 1)}"] if removed else []
    return []
