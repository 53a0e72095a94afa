"""
A clock that stands still, in this process or in a student's.

freezegun puts its own in the place of `time.time`, `time.monotonic`, `datetime.now` and their like. It
asks who calls: what the kit and Python's own waiting ask for is the real time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pytest_labkit.domain.errors import KitError

# Beside those that freezegun leaves alone by itself, such as `threading` and `queue`.
_REAL = ["pytest_labkit", "_pytest", "pluggy", "concurrent.futures", "selectors", "socket", "subprocess"]


class Clock:
    """The clocks of this process: running, until one is `set`."""

    def __init__(self) -> None:
        self._freezer: Any = None
        self._frozen: Any = None

    def set(self, instant: datetime | None) -> None:
        """
        Let it be *instant*, and stay so; `None` lets the time go on as it really is.

        Raises:
            KitError: freezegun is not installed.
        """
        if instant is None:
            self._thaw()
        elif self._frozen is None:
            self._freeze(instant)
        else:
            self._frozen.move_to(_naive(instant))

    def _freeze(self, instant: datetime) -> None:
        api = _freezegun()
        self._depth = api.call_stack_inspection_limit
        # Only who calls: a student's function that the kit calls is not the kit.
        api.call_stack_inspection_limit = 1
        self._freezer = api.freeze_time(_naive(instant), ignore=_REAL, real_asyncio=True)
        self._frozen = self._freezer.start()

    def _thaw(self) -> None:
        if self._freezer is not None:
            self._freezer.stop()
            _freezegun().call_stack_inspection_limit = self._depth
            self._freezer = self._frozen = None


def _freezegun() -> Any:
    try:
        from freezegun import api
    except ImportError:
        raise KitError(
            "freezegun is not installed, so no clock can be stopped.", "pip install 'pytest-labkit[labs]'"
        ) from None
    return api


def _naive(instant: datetime) -> datetime:
    """*instant* as freezegun takes it: in UTC, without saying so."""
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
