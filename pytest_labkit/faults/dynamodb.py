"""
An HTTP proxy in front of DynamoDB that records every request and injects faults.

It speaks plain HTTP on 127.0.0.1, keeps connections alive on both sides and answers each client
connection in a thread of its own. What the server does to the proxy, the proxy does to the client: a
connection that the server breaks is broken. A request whose body a fault changes no longer fits its
signature; DynamoDB Local does not look at signatures.

How boto3 meets these faults (botocore retries by itself, in every retry mode):

- Throttling and 500 are retried: up to 9 times with growing pauses in botocore's default mode, twice in
  `standard` mode. A fault that the caller is to see needs `times=None`, or more than that; a fault that a
  caller without code of its own survives, less.
- *A lost reply is retried as well*, with the very same request. A conditional write that was applied
  fails its own condition the second time, so that the caller sees `ConditionalCheckFailedException` (or
  `TransactionCanceledException`) for a write of its own that succeeded. Nobody else wrote: reporting a
  conflict is wrong, and so is writing again.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Any, Self

WRITES = frozenset(
    {
        "BatchExecuteStatement",
        "BatchWriteItem",
        "DeleteItem",
        "ExecuteStatement",
        "ExecuteTransaction",
        "PutItem",
        "TransactWriteItems",
        "UpdateItem",
    }
)
READS = frozenset({"BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"})
DATA = WRITES | READS

Predicate = Callable[[dict[str, Any]], bool]


@dataclass
class Request:
    """
    A request as it arrived, and what became of it.

    Args:
        operation: Such as `"TransactWriteItems"`; empty for what is no DynamoDB call.
        raw: The body as the client sent it.
        at: When it had arrived, in seconds on the monotonic clock.
        status: The HTTP status that the client got, `None` while it waits and if it got no reply.
        fault: The fault that fired on it, `None` if none did; two are joined by `+`.
    """

    operation: str
    raw: bytes = field(repr=False)
    at: float
    status: int | None = None
    fault: str | None = None

    @cached_property
    def body(self) -> dict[str, Any]:
        """The body as JSON; empty if it is none."""
        ...


class Fault(AbstractContextManager["Fault"]):
    """A fault: active inside its `with`, where `requests` are those on which it fired, in order."""

    requests: list[Request]

    @property
    def fired(self) -> int:
        """On how many requests it fired. A test that needs the fault must see that this is not 0."""
        return len(self.requests)


class DynamoDBProxy:
    """
    A recording, fault-injecting proxy in front of the DynamoDB at *target_url*.

    `requests` is what arrived, in order of arrival. Every fault is a context manager that undoes itself.
    *operations* is a name or several of `DATA`; *times* is on how many requests it fires, `None` for all;
    *when* is asked with the request's body whether it may fire.

    >>> with DynamoDBProxy("http://127.0.0.1:8000") as proxy:  # doctest: +SKIP
    ...     store = boto3.client("dynamodb", endpoint_url=proxy.url)
    ...     with proxy.lose_reply("PutItem") as lost:
    ...         store.put_item(…)
    ...     assert lost.fired == 1

    Raises:
        KitError: *target_url* is no `http://host:port`.
    """

    url: str
    requests: list[Request]

    def __init__(self, target_url: str) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, where: TracebackType | None
    ) -> None: ...

    def lose_reply(
        self, operations: str | Collection[str] = WRITES, times: int | None = 1, when: Predicate | None = None
    ) -> Fault:
        """
        The server applies the request; the client's connection is reset before the reply.

        It fires on a request that the server answered with 200; a refused one gets its reply.
        """
        ...

    def throttle(
        self, operations: str | Collection[str] = DATA, times: int | None = 1, when: Predicate | None = None
    ) -> Fault:
        """
        400 `ProvisionedThroughputExceededException`, not applied.

        A transaction gets a `TransactionCanceledException` whose `CancellationReasons` are `None` for each
        item but the last, and `ThrottlingError` for that.
        """
        ...

    def fail(
        self, operations: str | Collection[str] = DATA, times: int | None = 1, when: Predicate | None = None
    ) -> Fault:
        """500 `InternalServerError`, not applied."""
        ...

    def delay(
        self,
        seconds: float,
        operations: str | Collection[str] = DATA,
        times: int | None = None,
        when: Predicate | None = None,
    ) -> Fault:
        """The request waits *seconds* before it goes to the server, or until the fault ends."""
        ...

    def leave_unprocessed(
        self, times: int | None = 1, keep: int | None = None, when: Predicate | None = None
    ) -> Fault:
        """
        Of a BatchWriteItem or BatchGetItem the first *keep* items are processed (half, if `None`), at least one.

        The others come back as `UnprocessedItems` or `UnprocessedKeys`. It does not fire on a batch that
        has no more than *keep* items.
        """
        ...

    def split_pages(self, items: int, times: int | None = None, when: Predicate | None = None) -> Fault:
        """
        Query and Scan give pages of at most *items* items, and a `LastEvaluatedKey` where there are more.

        With 0, the first page of every Query is empty and has a `LastEvaluatedKey`, as a filter can make it;
        the pages after it are as they were. It stands before the first item, so that going on from it skips
        nothing. It does not fire on a Scan, nor where the key has not exactly one number to count back in.
        """
        ...
