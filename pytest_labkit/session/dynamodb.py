"""What the fixture `dynamodb` is: a namespace of DynamoDB that belongs to one test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_labkit.domain.errors import KitError
from pytest_labkit.services.aws import own_session
from pytest_labkit.services.base import Endpoint
from pytest_labkit.session.isolation import Slot, take

if TYPE_CHECKING:
    from pytest_labkit.faults.dynamodb.proxy import DynamoDBProxy

_URL = "AWS_ENDPOINT_URL_DYNAMODB"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NEW_IMAGES: Any = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
# DynamoDB Local keeps four threads for each access key it ever saw: few, used again and again.
_SLOTS = range(16)


class Tables:
    """
    A fresh DynamoDB for one test, and the kit's own view of it.

    DynamoDB Local keeps a namespace per access key, so an access key that nobody else uses is a database
    of one's own: a table can always have the name that the lab gives it. On a service that is not on
    this machine the credentials stay as they are. Tables made here are deleted at the end.

    Args:
        endpoint: The service.
        environ: Where boto3 looks for it: `os.environ`, through something that undoes itself.
    """

    def __init__(self, endpoint: Endpoint, environ: MutableMapping[str, str]) -> None:
        self._environ = environ
        self._made: list[str] = []
        self._slot = take("dynamodb", _SLOTS, more=True) if _is_local(endpoint.address) else None
        self.env: Mapping[str, str] = dict(endpoint.env) | (_credentials(self._slot) if self._slot else {})
        for name, value in self.env.items():
            environ[name] = value
        self.client = self._new_client()
        if self._slot is not None:  # a run that was killed may have left tables in this namespace
            self._made = self.client.list_tables()["TableNames"]
            self._delete_tables()

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
            made = self.client.create_table(
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
        if made["TableDescription"]["TableStatus"] != "ACTIVE":  # DynamoDB Local has it at once
            self.client.get_waiter("table_exists").wait(
                TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
            )

    def start_stream(self, name: str) -> None:
        """Give the table *name* a stream of its changes from now on, which has each item as it is put."""
        self._set_stream(name, _NEW_IMAGES)

    def stop_stream(self, name: str) -> None:
        """Take its stream from the table *name*; the next one that it gets begins empty, and is another."""
        self._set_stream(name, {"StreamEnabled": False})

    def _set_stream(self, name: str, specification: Any) -> None:
        self.client.update_table(TableName=name, StreamSpecification=specification)
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
        from pytest_labkit.faults.dynamodb.proxy import DynamoDBProxy

        direct = self._environ[_URL]  # which may lead to a link with faults of its own
        with DynamoDBProxy(direct) as proxy:
            self._environ[_URL] = proxy.url
            try:
                yield proxy
            finally:
                self._environ[_URL] = direct

    def close(self) -> None:
        """Remove what was made, and let others have the namespace."""
        try:
            self._delete_tables()
        finally:
            self.client.close()
            if self._slot is not None:
                self._slot.release()

    def _delete_tables(self) -> None:
        while self._made:
            with suppress(self.client.exceptions.ResourceNotFoundException):  # lost when it was killed
                self.client.delete_table(TableName=self._made.pop())

    def _new_client(self) -> Any:
        from botocore.config import Config

        return own_session().client(
            "dynamodb",
            endpoint_url=self.env[_URL],
            region_name=self.env["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"mode": "standard", "max_attempts": 3}),
        )


def _is_local(address: str) -> bool:
    return urlsplit(address).hostname in _LOOPBACK


def _credentials(slot: Slot) -> dict[str, str]:
    """
    Credentials for *slot*, and no way to any that the machine has.

    Letters and digits only: DynamoDB Local accepts no others in an access key.
    """
    return {
        "AWS_ACCESS_KEY_ID": f"labkit{slot.number}",
        "AWS_SECRET_ACCESS_KEY": "labkit",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
