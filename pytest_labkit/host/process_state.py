"""
What a module can change of the process that it is imported into, noted and put back.

For the door `direct`, where a student's code runs in the same process as pytest and the kit: what one test's
answers did to it is neither the next one's business nor that of the report.
"""

from __future__ import annotations

import gc
import locale
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TypeVar

from pytest_labkit.host.streams import lent

T = TypeVar("T")

_LISTS = ("path", "meta_path", "path_hooks")
_HOOKS = ("excepthook", "displayhook", "unraisablehook", "breakpointhook")
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE", "SIGCHLD", "SIGUSR1", "SIGUSR2")


def noted() -> Callable[[], None]:
    """Note the state of the process as it is now; what is returned puts it back."""
    undoings = [
        *(_list(name) for name in _LISTS),
        *(_attribute(sys, name) for name in (*_HOOKS, "stdin", "dont_write_bytecode")),
        _attribute(threading, "excepthook"),
        _set(sys.getrecursionlimit, sys.setrecursionlimit),
        _set(sys.getswitchinterval, sys.setswitchinterval),
        _set(socket.getdefaulttimeout, socket.setdefaulttimeout),
        _set(lambda: logging.root.manager.disable, logging.disable),
        _set(gc.isenabled, lambda enabled: gc.enable() if enabled else gc.disable()),
        _set(sys.gettrace, sys.settrace),
        _set(sys.getprofile, sys.setprofile),
        _set(lambda: locale.setlocale(locale.LC_ALL), lambda name: locale.setlocale(locale.LC_ALL, name)),
        _folder(),
        _environment(),
        _warnings(),
        *(_signal(name) for name in _SIGNALS if hasattr(signal, name)),
    ]

    def put_back() -> None:
        for undo in undoings:
            with suppress(
                OSError, ValueError, locale.Error
            ):  # a folder that is gone: the others all the same
                undo()

    return put_back


class Loan:
    """
    This process, lent to a student's code from now until `put_back`.

    Standard output and error are lent by phases, between which pytest changes them itself.
    """

    def __init__(self) -> None:
        self._put_back = noted()
        self._streams = ExitStack()
        self._threads = set(threading.enumerate())
        self._children = set(multiprocessing.active_children())
        self.lend_streams()

    def lend_streams(self) -> None:
        """Have the code write to streams that it may wrap, close or replace."""
        for name in ("stdout", "stderr"):
            self._streams.enter_context(lent(name))

    def return_streams(self) -> None:
        """Have those that were there before."""
        self._streams.close()

    def put_back(self) -> None:
        """Put the process back into the state that it was lent in."""
        self._put_back()

    def left(self) -> list[threading.Thread | multiprocessing.process.BaseProcess]:
        """The threads and the processes begun since that this process would wait for at its end."""
        threads = [one for one in threading.enumerate() if one not in self._threads and not one.daemon]
        children = set(multiprocessing.active_children()) - self._children
        return [*threads, *(one for one in children if not one.daemon)]


def _list(name: str) -> Callable[[], None]:
    """A list of `sys`: the object, and what is in it."""
    found: list[object] = getattr(sys, name)
    content = list(found)

    def undo() -> None:
        found[:] = content
        setattr(sys, name, found)

    return undo


def _attribute(owner: object, name: str) -> Callable[[], None]:
    found = getattr(owner, name)
    return lambda: setattr(owner, name, found)


def _set(get: Callable[[], T], set_: Callable[[T], object]) -> Callable[[], None]:
    found = get()

    def undo() -> None:
        if get() != found:
            set_(found)

    return undo


def _folder() -> Callable[[], None]:
    found = _current_folder()

    def undo() -> None:
        if found is not None and found != _current_folder():
            os.chdir(found)

    return undo


def _current_folder() -> str | None:
    with suppress(OSError):  # it was removed
        return os.getcwd()  # noqa: PTH109 - as a text, for `chdir`
    return None


def _environment() -> Callable[[], None]:
    found = dict(os.environ)

    def undo() -> None:
        if os.environ != found:
            os.environ.clear()
            os.environ.update(found)

    return undo


def _warnings() -> Callable[[], None]:
    """The filters: the list itself stays, as `warnings.catch_warnings` puts back the one that it saw."""
    found: list[object] = warnings.filters  # type: ignore[assignment]
    content = list(found)

    def undo() -> None:
        found[:] = content
        warnings.filters = found  # type: ignore[assignment]
        getattr(warnings, "_filters_mutated", lambda: None)()

    return undo


def _signal(name: str) -> Callable[[], None]:
    number = getattr(signal, name)
    found = signal.getsignal(number)

    def undo() -> None:
        is_main = threading.current_thread() is threading.main_thread()
        if found is not None and is_main and signal.getsignal(number) is not found:
            signal.signal(number, found)

    return undo
