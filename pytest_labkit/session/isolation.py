"""
Places in a service that one test at a time has to itself: an access key of DynamoDB, a database of Redis,
a prefix for the names of indexes.

A place is held by a lock of the kernel's, so that of a killed test is free. The locks are the same for
all services on this machine: their files stay, and there is to be an end to them.
"""

from __future__ import annotations

import secrets
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http.client import HTTPException
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from pytest_labkit.domain.errors import KitError
from pytest_labkit.services.base import Endpoint

_DATABASES = range(1, 16)  # a Redis has sixteen; the kit's own probes use the first
_EVERY_S = 0.05


@dataclass(frozen=True)
class Slot:
    """The place of this *number*, ours until it is released."""

    number: int
    lock: FileLock

    def release(self) -> None:
        """Let others have it."""
        self.lock.release()


def take(kind: str, numbers: range, *, more: bool) -> Slot:
    """
    A place of *kind* that no test on this machine has, one of *numbers* picked by chance.

    By chance, so that a student's thread that lives on after its test seldom meets the next one. When
    all are taken: with *more* others beyond *numbers* are tried, else one is waited for.
    """
    folder = Path(tempfile.gettempdir())
    for attempt in count():
        number = numbers.start + secrets.randbelow(len(numbers) + (attempt if more else 0))
        lock = FileLock(folder / f"labkit-{kind}-{number}.lock", mode=0o666, blocking=False)
        with suppress(Timeout):
            lock.acquire()
            return Slot(number, lock)
        if not more and attempt > len(numbers):
            time.sleep(_EVERY_S)
    raise AssertionError  # count() does not end


@contextmanager
def own_database(endpoint: Endpoint) -> Iterator[Endpoint]:
    """
    *endpoint*, a Redis, led to a database of its own that is empty.

    One that the kit did not start stays as it is: what it holds may be somebody's.
    """
    if endpoint.backend == "external":
        yield endpoint
        return
    slot = take("redis", _DATABASES, more=False)
    try:
        url = urlsplit(endpoint.address)._replace(path=f"/{slot.number}").geturl()
        _empty(url)
        yield replace(endpoint, address=url, env={**endpoint.env, "REDIS_URL": url})
    finally:
        slot.release()


@contextmanager
def own_indexes(endpoint: Endpoint) -> Iterator[Endpoint]:
    """
    *endpoint*, a search engine, with a prefix for the names of indexes that nobody else has.

    What has that prefix is removed in the end, also from an engine that the kit did not start.
    """
    from pytest_labkit.services import search

    prefix = f"labkit-{secrets.token_hex(6)}-"
    try:
        yield replace(endpoint, env={**endpoint.env, "SEARCH_PREFIX": prefix})
    finally:
        with suppress(OSError, HTTPException):  # an engine that is gone has taken them along
            search.remove(endpoint, prefix)


def _empty(url: str) -> None:
    """Remove all keys of the database at *url*; by hand, as a client would take 0.2 s to import."""
    place = urlsplit(url)
    try:
        with (
            socket.create_connection((place.hostname or "", place.port or 6379), timeout=5) as connection,
            connection.makefile("rwb") as lines,
        ):
            lines.write(b"SELECT %s\r\nFLUSHDB\r\n" % place.path.strip("/").encode())
            lines.flush()
            said = [lines.readline().strip() for _ in range(2)]
    except OSError as error:
        raise KitError(f"The Redis at {url} cannot be emptied: {error}.", "Run: labkit status") from error
    if said != [b"+OK", b"+OK"]:
        raise KitError(f"The Redis at {url} cannot be emptied: {said!r}.", "Run: labkit status")
