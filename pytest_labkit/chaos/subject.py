"""The system that is put under faults: of the test that started this process, or that `labkit up` keeps."""

from __future__ import annotations

import atexit
import json
import os
from functools import cache
from pathlib import Path

from chaoslib.exceptions import ActivityFailed

from pytest_labkit.chaos.experiment import LEFT, VARIABLE
from pytest_labkit.domain.errors import LabkitError
from pytest_labkit.faults.link import Link
from pytest_labkit.faults.undo import Fault
from pytest_labkit.host import settings
from pytest_labkit.services.members import ProcessMember
from pytest_labkit.services.registry import Registry
from pytest_labkit.systems import System, kept

faults: dict[tuple[str, ...], Fault] = {}
"""What this process has begun and not undone, by what it was asked for."""


@cache
def system() -> System:
    """The system. Raises `ActivityFailed` if there is none."""
    found = kept.find(book(), settings.resolve(Path.cwd()))
    if found is None:
        raise ActivityFailed("no system runs here; start one: labkit up lab4 --chaos")
    return found


def book() -> Registry:
    """Where the system is written down."""
    named = os.environ.get(VARIABLE)
    return Registry(Path(named)) if named else kept.book(settings.resolve(Path.cwd()))


def member(service: str) -> ProcessMember:
    """The process of *service*. Raises `ActivityFailed` if there is none of that name."""
    known = list(system().urls)
    if service not in known:
        raise ActivityFailed(f"there is no service {service!r}; there are {', '.join(known)}")
    return system().member(service)


def url(service: str) -> str:
    """Where *service* itself serves, past all links. Raises as `member`."""
    member(service)
    return system().urls[service]


def link(caller: str, callee: str) -> Link:
    """The way from *caller* to *callee*. Raises `ActivityFailed` if there is none."""
    try:
        return system().link(caller, callee)
    except LabkitError as error:
        raise ActivityFailed(f"{error.what} {error.hint or ''}".strip()) from error


def begin(key: tuple[str, ...], fault: Fault) -> None:
    """Begin *fault*, in the place of one of the same *key*."""
    end(key)
    fault.__enter__()
    faults[key] = fault


def end(key: tuple[str, ...]) -> None:
    """Undo what was begun as *key*; nothing if nothing was."""
    if (fault := faults.pop(key, None)) is not None:
        fault.undo()


@atexit.register
def _tell_what_is_left() -> None:
    """What the experiment has begun and not undone, for the one who asked for it to be run."""
    if (named := os.environ.get(LEFT)) is not None:
        Path(named).write_text(json.dumps([fault.name for fault in faults.values()]), encoding="utf-8")
