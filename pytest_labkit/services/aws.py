"""Sessions of boto3 that start quickly. boto3 itself is imported when one is made."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3.session


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
    """Read what a client of *service* is made from, once for this process and those forked from it."""
    import boto3

    session: Any = new_session()
    credentials = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    session.client(service, region_name="us-east-1", **credentials).close()
    boto3.DEFAULT_SESSION = new_session()


@cache
def _loader() -> Any:
    from botocore.loaders import create_loader

    return create_loader()
