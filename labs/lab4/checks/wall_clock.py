"""
Don't change this file: a wall clock that can be set, in the process of your code.

`time.time`, `time.time_ns` and `datetime.now`, `.utcnow`, `.today` show it once it is in their place,
for every module that is loaded from then on. The monotonic clocks go on: nobody can set those.
"""

from __future__ import annotations

import datetime
import time
from typing import Any

_time, _time_ns, _datetime = time.time, time.time_ns, datetime.datetime
_ahead_s = 0


class _IsDatetime(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, _datetime)


class _Settable(_datetime, metaclass=_IsDatetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return _datetime.now(tz) + datetime.timedelta(seconds=_ahead_s)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(datetime.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Any:
        return cls.now()


def begin() -> None:
    """Put the clock in its place. It is right as yet."""
    time.time = lambda: _time() + _ahead_s
    time.time_ns = lambda: _time_ns() + _ahead_s * 10**9
    datetime.datetime = _Settable
    put(0)


def put(seconds: int) -> None:
    """Let it be *seconds* ahead of the right time."""
    global _ahead_s
    _ahead_s = seconds


def end() -> None:
    """Give back the clocks that were there."""
    time.time, time.time_ns = _time, _time_ns
    datetime.datetime = _datetime
