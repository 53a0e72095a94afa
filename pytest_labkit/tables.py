"""What the fixture `dynamodb` is: a namespace of DynamoDB that belongs to one test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_labkit.errors import KitError
from pytest_labkit.services.base import Endpoint

if TYPE_CHECKING:
    import boto3.session

    from pytest_labkit.faults.dynamodb import DynamoDBProxy

_URL = "AWS_ENDPOINT_URL_DYNAMODB"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Tables:
    """
    A fresh DynamoDB for one test, and the kit's own view of it.

    DynamoDB Local keeps a namespace per access key, so a new access key is a new, empty database: a
    table can always have the name that the lab gives it. On a service that is not on this machine the
    credentials stay as they are, and tables made here are deleted at the end.

    Args:
        endpoint: The service.
        environ: Where boto3 looks for it: `os.environ`, through something that undoes itself.
    """

    def __init__(self, endpoint: Endpoint, environ: MutableMapping[str, str]) -> None:
        self._environ = environ
        self._made: list[str] = []
        self._ours = urlsplit(endpoint.address).hostname in _LOOPBACK
        self.env: Mapping[str, str] = dict(endpoint.env) | (_own_namespace() if self._ours else {})
        for name, value in self.env.items():
            environ[name] = value
        self.client = self._new_client()

    def create_table(
        self,
        name: str,
        *,
        partition_key: tuple[str, str],
        sort_key: tuple[str, str] | None = None,
    ) -> None:
        """
        Make the table *name* and wait until it can be used; keys are (name, `"S"` | `"N"` | `"B"`).

        Raises:
            KitError: A table of that name is there that the kit did not make.
        """
        keys = [partition_key] if sort_key is None else [partition_key, sort_key]
        try:
            self.client.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys],
                KeySchema=[
                    {"AttributeName": key, "KeyType": role}
                    for (key, _), role in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
            )
        except self.client.exceptions.ResourceInUseException:
            raise KitError(
                f"The DynamoDB at {self.env[_URL]} has a table {name!r} already.",
                "The kit does not touch tables that it did not make: remove it, or use another service.",
            ) from None
        self._made.append(name)
        self.client.get_waiter("table_exists").wait(
            TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

    def items(self, table: str) -> list[dict[str, Any]]:
        """Every item of *table* as DynamoDB's typed JSON, read past any student's code."""
        pages = self.client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def delete(self, table: str, key: Mapping[str, Any]) -> None:
        """Delete one item, by its typed key."""
        self.client.delete_item(TableName=table, Key=dict(key))

    @contextmanager
    def proxied(self) -> Iterator[DynamoDBProxy]:
        """A proxy in front that records requests and makes faults; inside, boto3 finds the proxy."""
        from pytest_labkit.faults.dynamodb import DynamoDBProxy

        direct = self.env[_URL]
        with DynamoDBProxy(direct) as proxy:
            self._environ[_URL] = proxy.url
            try:
                yield proxy
            finally:
                self._environ[_URL] = direct

    def close(self) -> None:
        """Remove what was made; DynamoDB Local in memory forgets a namespace with its tables."""
        for name in self._made:
            self.client.delete_table(TableName=name)
        self.client.close()

    def _new_client(self) -> Any:
        from botocore.config import Config

        return new_session().client(
            "dynamodb", config=Config(retries={"mode": "standard", "max_attempts": 3})
        )


def new_session() -> boto3.session.Session:
    """
    A boto3 session that knows only the environment as it is when it makes its first client.

    All of them share what they read from botocore's description of DynamoDB: reading it takes four
    times as long as the rest of making a client.
    """
    import boto3
    import botocore.session

    session = botocore.session.get_session()
    session.register_component("data_loader", _loader())
    return boto3.session.Session(botocore_session=session)


@cache
def _loader() -> Any:
    from botocore.loaders import create_loader

    return create_loader()


def _own_namespace() -> dict[str, str]:
    """
    Credentials that no other test has, and no way to any that the machine has.

    Letters and digits only: DynamoDB Local accepts no others in an access key.
    """
    return {
        "AWS_ACCESS_KEY_ID": f"labkit{secrets.token_hex(8)}",
        "AWS_SECRET_ACCESS_KEY": "labkit",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
