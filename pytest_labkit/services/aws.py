"""Sessions of boto3 that start quickly. boto3 itself is imported when one is made."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3.session

_FIRST_CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("put_item", {"TableName": "none", "Item": {"name": {"S": "none"}, "number": {"N": "1"}}})
}
_EMPTY_REPLY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 2\r\n"
    b"Connection: close\r\n\r\n{}"
)


def new_session() -> boto3.session.Session:
    """
    A boto3 session that knows only the environment as it is when it makes its first client.

    All of them share what they read from botocore's description of a service: reading it takes four
    times as long as the rest of making a client.
    """
    import boto3
    import botocore.session

    session = botocore.session.get_session()
    session.register_component("data_loader", _loader())
    return boto3.session.Session(botocore_session=session)


@cache
def own_session() -> boto3.session.Session:
    """
    The one session of the kit's own clients, which are told where they go and who they are.

    A session for each would take longer to make than the client. For one thread: sessions are not safe.
    """
    return new_session()


def warm(service: str) -> None:
    """
    Do once what a program of *service* does first: make a client, and call with it.

    So what that reads, imports and compiles is there, in this process and in those forked from it, and the
    memory that it changes is the process's own. No client is left, and nothing leaves the process: what
    answers is the other end of a socket pair.
    """
    import boto3

    session: Any = new_session()
    credentials = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    client = session.client(
        service, region_name="us-east-1", endpoint_url="http://localhost:9", **credentials
    )
    name, parameters = _FIRST_CALLS[service]
    with _answered(_EMPTY_REPLY):
        getattr(client, name)(**parameters)
    client.close()
    boto3.DEFAULT_SESSION = new_session()


@contextmanager
def _answered(reply: bytes) -> Iterator[None]:
    """Let the next connection of urllib3 find *reply* waiting. For a process of one thread."""
    from urllib3.util import connection

    "localhost".encode("idna")  # as for every connection; Python imports how to at the first
    connect = connection.create_connection
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(reply)
        connection.create_connection = lambda *_, **__: ours
        try:
            yield
        finally:
            connection.create_connection = connect


@cache
def _loader() -> Any:
    from botocore.loaders import create_loader

    return create_loader()
