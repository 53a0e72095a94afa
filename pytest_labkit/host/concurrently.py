"""Doing several things at once, in threads that Ctrl-C need not wait for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def each(do: Callable[[T], object], items: Iterable[T], *, at_once: int | None = None) -> None:
    """
    Call *do* with each of *items*, so many *at_once* (`None`: all), and return once all calls have ended.

    Of the errors the one that came first is raised. After it, no further call is begun, but that all at once
    are begun in any case. The threads are daemons: when this process is interrupted it ends, whatever they
    are doing.
    """
    waiting = deque(items)
    errors: list[BaseException] = []

    def work() -> None:
        with suppress(IndexError):  # none is waiting any more
            while at_once is None or not errors:
                _call(do, waiting.popleft(), errors)

    threads = [
        threading.Thread(target=work, daemon=True) for _ in range(min(len(waiting), at_once or len(waiting)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def begin(do: Callable[[], T]) -> Future[T]:
    """Call *do* in the background, in a thread that does not keep this process from ending."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(do())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _call(do: Callable[[T], object], item: T, errors: list[BaseException]) -> None:
    try:
        do(item)
    except BaseException as error:
        errors.append(error)
