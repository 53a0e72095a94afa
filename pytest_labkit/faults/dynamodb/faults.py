"""
What can go wrong between a client and DynamoDB, each as a small object that stands in the way of a request.

The bodies are those that DynamoDB sends; `proxy` puts them in front of a server, where one thread carries all
requests: a fault is begun and ended in others, and nothing else of it is touched there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Self

from pytest_labkit.faults import deeds
from pytest_labkit.faults.deeds import Deed
from pytest_labkit.faults.dynamodb.bodies import (
    OK,
    SLOW,
    Body,
    changed,
    divided,
    encoded,
    error,
    joined,
    just_before,
    members,
    returned,
    start_of,
    throttled,
    transaction,
)
from pytest_labkit.faults.dynamodb.messages import CUT, Forward, Reply
from pytest_labkit.faults.dynamodb.operations import DATA

Predicate = Callable[[Body], bool]


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
        reply: The body of the reply, empty where there was none.
    """

    operation: str
    raw: bytes = field(repr=False)
    at: float
    status: int | None = None
    fault: str | None = None
    reply: bytes = field(default=b"", repr=False)

    @cached_property
    def body(self) -> Body:
        """The body as JSON; empty if it is no JSON object."""
        try:
            body = json.loads(self.raw)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    @cached_property
    def returned(self) -> int:
        """How many items DynamoDB returned for it, or counted where only their number was asked for."""
        return returned(self.reply)


class Sent(NamedTuple):
    """A request on its way: as it arrived, the body that it has come to have, and the way on."""

    request: Request
    body: bytes
    forward: Forward

    async def on(self, body: Body | None = None) -> Reply:
        """The reply to it, sent on as it is or with another *body*."""
        return await self.forward(self.body if body is None else encoded(body))


class Acted(NamedTuple):
    """What a fault made of a request, and whether that was a fault at all."""

    reply: Reply
    fired: bool = True


class Fault:
    """
    A fault, active inside its `with`.

    `requests` are those on which it fired, in that order. A test that needs the fault to happen must see
    that `fired` is not 0: a fault that meets no request proves nothing.
    """

    name = "fault"
    told = "DynamoDB answers otherwise than usual"

    def __init__(
        self,
        active: list[Fault],
        operations: str | Collection[str],
        times: int | None,
        when: Predicate | None,
    ) -> None:
        self.requests: list[Request] = []
        self._active = active
        self._operations = frozenset([operations] if isinstance(operations, str) else operations)
        self._left = times
        self._when = when
        self._lifted: Future[None] = Future()
        self._deed: Deed | None = None
        if unknown := sorted(self._operations - DATA):
            raise ValueError(f"{', '.join(unknown)}: faults are for {', '.join(sorted(DATA))}")

    @property
    def fired(self) -> int:
        """On how many requests it fired."""
        return len(self.requests)

    def __enter__(self) -> Self:
        self._lifted = Future()
        self._active.append(self)
        self._deed = deeds.begin(self.told)
        return self

    def __exit__(self, _kind: object, raised: BaseException | None, _traceback: object) -> None:
        if self._deed is not None:
            self._deed.ends(raised)
        self._active.remove(self)
        self.lift()

    def lift(self) -> None:
        """Let go of the requests that it holds up."""
        if not self._lifted.done():
            self._lifted.set_result(None)

    async def through(self, request: Request, body: bytes, forward: Forward) -> Reply:
        """The reply to *request*, sent with *body*, with this fault in the way if it is its turn."""
        if not request.body or not self._claim(request):
            return await forward(body)
        fired = False
        try:
            reply, fired = await self.act(Sent(request, body, forward))
        finally:
            self._settle(request, fired)
        return reply

    async def act(self, sent: Sent) -> Acted:
        """What the fault does."""
        raise NotImplementedError

    def _claim(self, request: Request) -> bool:
        if request.operation not in self._operations or (self._when and not self._when(request.body)):
            return False
        if self._left == 0:
            return False
        if self._left is not None:
            self._left -= 1
        return True

    def _settle(self, request: Request, fired: bool) -> None:
        if fired:
            self.requests.append(request)
            request.fault = self.name if request.fault is None else f"{request.fault}+{self.name}"
        elif self._left is not None:
            self._left += 1


class LoseReply(Fault):
    """The server applies the request, the client never hears of it."""

    name = "lose_reply"
    told = "the reply of DynamoDB to a request is lost"

    async def act(self, sent: Sent) -> Acted:
        reply = await sent.on()
        return Acted(CUT) if reply.status == OK else Acted(reply, fired=False)


class Throttle(Fault):
    """Too many requests: nothing is applied."""

    name = "throttle"
    told = "DynamoDB asks to slow down"

    async def act(self, sent: Sent) -> Acted:
        cancelled = transaction(sent.request.operation, sent.request.body)
        if cancelled:
            return Acted(throttled(cancelled))
        return Acted(error("ProvisionedThroughputExceededException", SLOW))


class Fail(Fault):
    """The server has an error of its own: nothing is applied."""

    name = "fail"
    told = "DynamoDB has an error of its own"

    async def act(self, sent: Sent) -> Acted:  # noqa: ARG002 - the server never sees it
        return Acted(error("InternalServerError", "Internal server error", status=500))


class Delay(Fault):
    """The request is late."""

    name = "delay"
    told = "a request to DynamoDB is late"

    def __init__(self, seconds: float, *rest: Any) -> None:
        super().__init__(*rest)
        self._seconds = seconds

    async def act(self, sent: Sent) -> Acted:
        await asyncio.wait([asyncio.wrap_future(self._lifted)], timeout=self._seconds)
        return Acted(await sent.on())


class LeaveUnprocessed(Fault):
    """A part of a batch is processed, the rest comes back."""

    name = "leave_unprocessed"
    told = "DynamoDB processes a part of a batch"

    def __init__(self, keep: int | None, *rest: Any) -> None:
        super().__init__(*rest)
        if keep is not None and keep < 1:
            raise ValueError(f"keep={keep}: DynamoDB processes at least one item, or throttles the request")
        self._keep = keep

    async def act(self, sent: Sent) -> Acted:
        batch = json.loads(sent.body)
        sizes = [len(members(part)) for part in batch["RequestItems"].values()]
        keep = max(1, sum(sizes) // 2) if self._keep is None else self._keep
        if keep >= sum(sizes):
            return Acted(await sent.on(), fired=False)
        kept, rest = divided(batch["RequestItems"], keep)
        reply = await sent.on(batch | {"RequestItems": kept})
        if reply.status != OK:
            return Acted(reply, fired=False)
        key = "UnprocessedItems" if sent.request.operation == "BatchWriteItem" else "UnprocessedKeys"
        answer = json.loads(reply.body)
        return Acted(changed(reply, answer | {key: joined(answer.get(key, {}), rest)}))


class SplitPages(Fault):
    """Pages of few items."""

    name = "split_pages"
    told = "DynamoDB gives small pages"

    def __init__(self, items: int, *rest: Any) -> None:
        super().__init__(*rest)
        self._items = items

    async def act(self, sent: Sent) -> Acted:
        query = json.loads(sent.body)
        limit = min(self._items, query.get("Limit", self._items))
        lowered = limit != query.get("Limit")
        return Acted(await sent.on(query | {"Limit": limit} if lowered else None), fired=lowered)


class EmptyFirstPage(Fault):
    """
    A first page without items that says that there are more.

    Its `LastEvaluatedKey` is one below the first item's (one above, backwards): a key that can be gone on
    from, whether it is sent back or compared with. DynamoDB takes no such key where it lies outside of the
    query's own condition, so *starts* keeps it, and `from_the_start` takes it out again.
    """

    name = "split_pages"

    def __init__(self, starts: set[str], *rest: Any) -> None:
        super().__init__(*rest)
        self._starts = starts

    async def act(self, sent: Sent) -> Acted:
        query = json.loads(sent.body)
        if "ExclusiveStartKey" in query or "Limit" in sent.request.body:
            return Acted(await sent.on(), fired=False)
        reply = await sent.on(query | {"Limit": 1})
        page = json.loads(reply.body)
        key = just_before(page.get("LastEvaluatedKey", {}), backwards=query.get("ScanIndexForward") is False)
        if reply.status != OK or key is None:
            return Acted(await sent.on(), fired=False)
        self._starts.add(start_of(query | {"ExclusiveStartKey": key}))
        empty = {"Count": 0, "ScannedCount": 0, "LastEvaluatedKey": key}
        return Acted(changed(reply, page | empty | ({"Items": []} if "Items" in page else {})))


def from_the_start(body: bytes, starts: set[str]) -> bytes:
    """The query *body*, without its start key if that is one that `EmptyFirstPage` made up."""
    query = json.loads(body)
    if "ExclusiveStartKey" not in query or start_of(query) not in starts:
        return body
    del query["ExclusiveStartKey"]
    return encoded(query)
