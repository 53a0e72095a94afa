"""What passes through the HTTP proxy: a request's headers and body, the way on, and the reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Reply:
    """What the client gets; `Content-Length` is not among the headers, it follows from the body."""

    status: int
    headers: Headers
    body: bytes


CUT = Reply(0, (), b"")
"""In place of a reply: the client's connection is reset."""

Forward = Callable[[bytes], Awaitable[Reply]]
"""Sends the request with this body on to the server."""

Answer = Callable[[Headers, bytes, Forward], Awaitable[Reply]]
"""Answers a request, given its headers, its body and the way to the server."""
