"""
An HTTP proxy in front of DynamoDB that records every request and injects faults.

It speaks plain HTTP on 127.0.0.1, and keeps connections alive on both sides. What the server does to the
proxy, the proxy does to the client: a connection that the server breaks is broken. A request whose body a
fault changes no longer fits its signature; a DynamoDB of the kit's does not look at signatures.

How boto3 meets these faults (botocore retries by itself, in every mode):

- Throttling and 500 are tried again: 4 tries in all for DynamoDB in mode `standard`, the default of
  botocore 1.44 (a second or more between them when throttled), 10 in mode `legacy`, the default before.
  A fault that the caller is to see needs `times=None`; one that botocore survives, `times=1`. A
  `TransactionCanceledException` is not tried again, whatever its reasons: the caller sees it at once.
- *A lost reply is tried again as well*, with the very same request. A conditional write that was applied
  fails its own condition the second time, so that the caller sees `ConditionalCheckFailedException` (or
  `TransactionCanceledException`) for a write of its own that succeeded. Nobody else wrote: reporting a
  conflict is wrong, and so is writing again.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from functools import partial
from typing import Self

from pytest_labkit.faults.dynamodb.faults import (
    Delay,
    EmptyFirstPage,
    Fail,
    Fault,
    LeaveUnprocessed,
    LoseReply,
    Predicate,
    Request,
    SplitPages,
    Throttle,
    from_the_start,
)
from pytest_labkit.faults.dynamodb.http import HttpProxy
from pytest_labkit.faults.dynamodb.messages import CUT, Forward, Headers, Reply
from pytest_labkit.faults.dynamodb.operations import DATA, READS, WRITES

__all__ = ["DATA", "READS", "WRITES", "DynamoDBProxy", "Fault", "Predicate", "Request"]


class DynamoDBProxy:
    """
    A recording, fault-injecting proxy in front of the DynamoDB at *target_url*.

    `requests` is what arrived, in order of arrival. Every fault is a context manager that undoes itself.
    *operations* is a name or several of `DATA`; *times* is on how many requests it fires, `None` for all;
    *when* is asked with the request's body whether it may fire, and must not wait for anything.

    >>> with DynamoDBProxy("http://127.0.0.1:8000") as proxy:  # doctest: +SKIP
    ...     store = boto3.client("dynamodb", endpoint_url=proxy.url)
    ...     with proxy.lose_reply("PutItem") as lost:
    ...         store.put_item(…)
    ...     assert lost.fired == 1

    Raises:
        KitError: *target_url* is no `http://host:port`.
    """

    def __init__(self, target_url: str) -> None:
        self.requests: list[Request] = []
        self._active: list[Fault] = []
        self._starts: set[str] = set()
        self._http = HttpProxy(target_url, self._answer)
        self.url = self._http.url

    def __enter__(self) -> Self:
        self._http.open()
        return self

    def __exit__(self, *_: object) -> None:
        for fault in list(self._active):
            fault.lift()
        self._http.close()

    def lose_reply(
        self, operations: str | Collection[str] = WRITES, times: int | None = 1, when: Predicate | None = None
    ) -> Fault:
        """
        The server applies the request; the client's connection is reset before the reply.

        It fires on a request that the server answers with 200; one that is refused gets its reply.
        """
        return LoseReply(self._active, operations, times, when)

    def throttle(
        self, operations: str | Collection[str] = DATA, times: int | None = 1, when: Predicate | None = None
    ) -> Fault:
        """
        400 `ProvisionedThroughputExceededException`, not applied.

        A transaction gets a `TransactionCanceledException` whose `CancellationReasons` are `None` for each
        member but the last, and `ThrottlingError` for that.
        """
        return Throttle(self._active, operations, times, when)

    def fail(
        self, operations: str | Collection[str] = DATA, times: int | None = 1, when: Predicate | None = None
    ) -> Fault:
        """500 `InternalServerError`, not applied."""
        return Fail(self._active, operations, times, when)

    def delay(
        self,
        seconds: float,
        operations: str | Collection[str] = DATA,
        times: int | None = None,
        when: Predicate | None = None,
    ) -> Fault:
        """The request waits *seconds* before it goes to the server; no longer than the fault is active."""
        return Delay(seconds, self._active, operations, times, when)

    def leave_unprocessed(
        self, times: int | None = 1, keep: int | None = None, when: Predicate | None = None
    ) -> Fault:
        """
        Of a batch to write or to get, the first *keep* members are processed (half of them, if `None`).

        The others come back as `UnprocessedItems` or `UnprocessedKeys`. It does not fire on a batch that
        has no more than *keep* members.

        Raises:
            ValueError: *keep* is below 1: DynamoDB throttles a batch that it cannot begin with.
        """
        return LeaveUnprocessed(keep, self._active, ("BatchGetItem", "BatchWriteItem"), times, when)

    def split_pages(self, items: int, times: int | None = None, when: Predicate | None = None) -> Fault:
        """
        Query and Scan give pages of at most *items* items, and a `LastEvaluatedKey` where there are more.

        With 0, the first page of a Query is empty and has a `LastEvaluatedKey`, as a filter can make it; the
        pages after it are as they were. The key is one below that of the first item, so that going on from
        it skips nothing. It does not fire on a Scan, on a Query with a `Limit` of its own (who asks for the
        newest item need not turn pages), nor where the key has not exactly one number to count back in.
        """
        if items == 0:
            return EmptyFirstPage(self._starts, self._active, "Query", times, when)
        return SplitPages(items, self._active, ("Query", "Scan"), times, when)

    async def _answer(self, headers: Headers, raw: bytes, forward: Forward) -> Reply:
        """Record a request and send it through the active faults, the one begun last first."""
        request = Request(_operation(headers), raw, time.monotonic())
        self.requests.append(request)
        way = self._to_server(request, forward)
        for fault in list(self._active):
            way = partial(fault.through, request, forward=way)
        reply = await way(raw)
        request.status = None if reply is CUT else reply.status
        request.reply = reply.body
        return reply

    def _to_server(self, request: Request, forward: Forward) -> Forward:
        """The last step: the server never sees a start key that `split_pages(0)` made up."""
        if request.operation != "Query" or not self._starts:
            return forward
        return lambda body: forward(from_the_start(body, self._starts))


def _operation(headers: Headers) -> str:
    """`PutItem`, from the header `X-Amz-Target: DynamoDB_20120810.PutItem`."""
    targets = (value for name, value in headers if name.lower() == "x-amz-target")
    return next(targets, "").rpartition(".")[2]
