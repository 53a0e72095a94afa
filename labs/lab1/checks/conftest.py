"""Don't change this file: what the checks of lab 1 share. The kit's copy is used anyway."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labs.lab1.checks.brokers import Cluster, Topic
from labs.lab1.checks.carts import (  # noqa: F401
    cart_log,
    cart_redis,
    cart_services,
    cart_snapshots,
    carts,
)
from labs.lab1.checks.delivering import Witness
from labs.lab1.checks.ledgers import Ledger
from labs.lab1.checks.topics import Topics
from pytest_labkit.checks.empty_redis import empty_redis


@pytest.fixture
def topics(kafka: Any) -> Iterator[Topics]:
    """Makes topics that are deleted when the test ends, and reads them past any student's code."""
    made = Topics(kafka.address)
    yield made
    made.delete()


@pytest.fixture
def producer(topics: Topics, answers: Any) -> Callable[..., Any]:
    """Makes a producer of the student's: `producer("sticky", topic="t", batch_size=5)`."""

    def create(*args: Any, **options: Any) -> Any:
        return answers.producers.create_producer(*args, **options)

    return create


@pytest.fixture
def cluster(kafka: Any) -> Iterator[Cluster]:
    """The test's Kafka, by clients of the kit's own."""
    made = Cluster(kafka.address)
    yield made
    made.close()


@pytest.fixture
def topic(cluster: Cluster) -> Topic:
    """An empty topic of two partitions, and a group that has read nothing of it."""
    return cluster.topic()


@pytest.fixture
def witness(topic: Topic) -> Witness:
    """Sees what is handled of the topic."""
    return Witness(topic)


@pytest.fixture
def ledger(redis: Any) -> Iterator[Ledger]:
    """The Redis that the balances are in; empty at first, and afterwards."""
    with empty_redis(redis.address, "part B") as client:
        yield Ledger(client)
