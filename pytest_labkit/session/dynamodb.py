"""What the fixture `dynamodb` is: a DynamoDB, or a part of one, that belongs to one test."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pytest_labkit.domain.errors import KitError
from pytest_labkit.services import dynamodb
from pytest_labkit.services.aws import own_session
from pytest_labkit.services.base import Endpoint

if TYPE_CHECKING:
    from pytest_labkit.faults.dynamodb.proxy import DynamoDBProxy

_URL = dynamodb.SERVICE.variable
_NEW_IMAGES: Any = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}


class DynamoDBSandbox:
    """
    A fresh DynamoDB for one test, and the kit's own view of it.

    Nobody else uses it meanwhile, so that a table can always have the name that the lab gives it: a process
    of this machine is the test's own, a container is locked, and of an external DynamoDB Local the test has
    an access key's namespace. On a service that is not on this machine the credentials stay as they are.
    Tables made here are deleted at the end.

    Args:
        endpoint: The service.
        environ: Where boto3 looks for it: `os.environ`, through something that undoes itself.
    """

    def __init__(self, endpoint: Endpoint, environ: MutableMapping[str, str]) -> None:
        self._environ = environ
        self._made: list[str] = []
        self._streamed: set[str] = set()
        self._place = dynamodb.take_place(endpoint)
        self.env: Mapping[str, str] = {**endpoint.env, **dynamodb.credentials(endpoint, self._place)}
        environ.update(self.env)
        self.client = self._new_client()
        if self._place is not None:  # a run that was killed may have left tables in it
            self._made = self._left()
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
        schema = _schema(partition_key, *([sort_key] if sort_key else []))
        try:
            made = self.client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **schema)
        except self.client.exceptions.ResourceInUseException:
            raise KitError(
                f"The DynamoDB at {self.env[_URL]} has a table {name!r} already.",
                "The kit does not touch tables that it did not make: remove it, or use another service.",
            ) from None
        self._made.append(name)
        if made["TableDescription"]["TableStatus"] != "ACTIVE":  # one on this machine has it at once
            self._await(name)

    def start_stream(self, name: str) -> None:
        """
        Give the table *name* a stream of its changes from now on, which has each item as it is put.

        In a second of its own, where there may have been another one: it is by their seconds that a reader
        of dynoxide's streams tells what is older than the stream.
        """
        if name in self._streamed or self._place is not None:
            time.sleep(1.01 - time.time() % 1)
        self._streamed.add(name)
        self._set_stream(name, _NEW_IMAGES)

    def stop_stream(self, name: str) -> None:
        """Take its stream from the table *name*; the next one that it gets begins empty, and is another."""
        self._set_stream(name, {"StreamEnabled": False})

    def _set_stream(self, name: str, specification: Any) -> None:
        self.client.update_table(TableName=name, StreamSpecification=specification)
        self._await(name)

    def _await(self, name: str) -> None:
        """Wait until the table *name* can be used."""
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
        """Remove what was made, and let others have the place."""
        try:
            self._delete_tables()
        finally:
            self.client.close()
            if self._place is not None:
                self._place.release()

    def _left(self) -> list[str]:
        """Tables that nobody needs; none if the probe's is there, which was made with another access key."""
        tables = self.client.list_tables()["TableNames"]
        if dynamodb.PROBE_TABLE in tables:  # a server without namespaces: they may be anybody's
            return []
        return [name for name in tables if not name.startswith(dynamodb.PROBE_TABLE)]

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


def _schema(*keys: tuple[str, str]) -> dict[str, Any]:
    """What `create_table` is told of *keys*: the partition key, and the sort key if there is one."""
    return {
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": kind} for key, kind in keys],
        "KeySchema": [
            {"AttributeName": key, "KeyType": role}
            for (key, _), role in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
    }
