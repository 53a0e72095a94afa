"""A database of Redis that holds nothing but what one test makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_labkit.domain.errors import KitError

if TYPE_CHECKING:
    from redis import Redis


@contextmanager
def empty_redis(url: str, whose: str) -> Iterator[Redis]:
    """
    A client of the database at *url*, which is emptied afterwards; *whose* it is to be, such as `part B`.

    Raises:
        KitError: It holds keys already, which may be somebody's.
    """
    from redis import Redis

    with Redis.from_url(url) as client:
        if client.dbsize():
            raise KitError(
                f"The Redis database at {url} holds keys already.",
                f"Give {whose} an empty one: REDIS_URL=redis://HOST:PORT/N. It is emptied after each test.",
            )
        yield client
        client.flushdb()
