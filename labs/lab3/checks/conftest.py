"""Don't change this file: what the checks of lab 3 share. The kit's copy is used anyway."""

import random
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from labs.lab3 import events
from labs.lab3.checks.feeding import closed_shop, own_redis, shop  # noqa: F401 - fixtures of part B

TABLE = "event-store"


class Table:
    """The table `event-store` as the kit's own client sees it, past any student's code."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb
        self.client = dynamodb.client

    def items(self) -> list[dict[str, Any]]:
        """Every item, by key, as DynamoDB's typed JSON."""
        return sorted(self._dynamodb.items(TABLE), key=_key)

    def partition(self, aggregate_id: str) -> list[dict[str, Any]]:
        """The items of one stream, by sort key."""
        return [item for item in self.items() if item["aggregate_id"]["S"] == aggregate_id]

    def delete(self, item: dict[str, Any]) -> None:
        """Take an item out."""
        key = {name: item[name] for name in ("aggregate_id", "version")}
        self._dynamodb.delete(TABLE, key)

    def put(self, item: dict[str, Any]) -> None:
        """Put an item back."""
        self.client.put_item(TableName=TABLE, Item=item)


def _key(item: dict[str, Any]) -> tuple[str, Decimal]:
    return item["aggregate_id"]["S"], Decimal(item["version"]["N"])


@pytest.fixture(autouse=True)
def _ids_of_events(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ids of the events that a test makes follow from the run's seed."""
    chance = random.Random(seed)
    monkeypatch.setattr(events, "uuid4", lambda: UUID(int=chance.getrandbits(128), version=4))


@pytest.fixture
def table(dynamodb: Any) -> Table:
    """An empty table `event-store`, made by the kit."""
    dynamodb.create_table(TABLE, partition_key=("aggregate_id", "S"), sort_key=("version", "N"))
    return Table(dynamodb)


@pytest.fixture
def store(table: Table, answers: Any) -> Any:
    """`EventStore()`, as a student would make it against the cloud."""
    return answers.event_store.EventStore()


@pytest.fixture
def elsewhere(table: Table, answers: Any) -> Any:
    """`EventStore()` in another process, which has seen nothing of what this one did."""
    return answers.another_process().event_store.EventStore()
