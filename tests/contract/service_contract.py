"""
What every backend promises of every service: one suite, run by each `test_<backend>.py`.

A test file imports these tests (`from service_contract import *`) and gives the fixtures `backend`, the
module of the backend; `kill`, a function that kills one process or container of a service as the kernel
would; and `doomed`, which makes every Redis die at its start and gives a text that it logs before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from redis import Redis

from pytest_labkit.domain.errors import ServiceFailed
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import NAMES, Running, probe, works
from pytest_labkit.services.base import Backend, Endpoint
from pytest_labkit.services.catalogue import EAGER
from pytest_labkit.services.wait import until

Start = Callable[..., Running]

EACH = [*EAGER, pytest.param("search", marks=pytest.mark.exhaustive)]
"""Every service; search, which takes longest to start, with the exhaustive tests."""


@pytest.fixture
def start(backend: Backend, settings: Settings) -> Iterator[Start]:
    """Starts services that are stopped after the test."""
    with ExitStack() as after:

        def start(service: str, **options: Any) -> Running:
            running = backend.start(service, settings, **options)
            after.callback(running.stop)
            return running

        yield start


def dynamodb_client(endpoint: Endpoint) -> Any:
    """boto3's client of *endpoint*, made from nothing but its environment."""
    env = endpoint.env
    return boto3.session.Session().client(
        "dynamodb",
        endpoint_url=env["AWS_ENDPOINT_URL_DYNAMODB"],
        region_name=env["AWS_DEFAULT_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )


def produced(endpoint: Endpoint, topic: str, *, seconds: float = 30) -> str | None:
    """The error with which a record to *topic* was refused, `None` if all in-sync replicas have it."""
    outcome: list[Any] = []
    producer = Producer(
        {
            "bootstrap.servers": endpoint.env["KAFKA_BOOTSTRAP_SERVERS"],
            "acks": "all",
            "message.timeout.ms": int(seconds * 1000),
            "log_level": 0,
        }
    )
    producer.produce(topic, b"hello", on_delivery=lambda error, _message: outcome.append(error))
    producer.flush(seconds + 5)
    assert 1 == len(outcome)
    return None if outcome[0] is None else str(outcome[0])


def consumed(endpoint: Endpoint, topic: str, count: int) -> list[bytes | None]:
    """The first *count* records of *topic*, as a group gets them."""
    consumer = Consumer(
        {
            "bootstrap.servers": endpoint.env["KAFKA_BOOTSTRAP_SERVERS"],
            "group.id": "readers",
            "auto.offset.reset": "earliest",
        }
    )
    try:
        consumer.subscribe([topic])
        return [message.value() for message in consumer.consume(count, 30)]
    finally:
        consumer.close()


def test_kafka_carries_a_record_of_a_consumer_group(start: Start) -> None:
    """A producer and a group's consumer that know the endpoint's environment only find each other."""
    endpoint = start("kafka").endpoint
    assert produced(endpoint, "orders") is None
    assert [b"hello"] == consumed(endpoint, "orders", 1)


def test_dynamodb_stores_an_item(start: Start) -> None:
    """What a client that knows nothing but the endpoint's environment makes is there for the next."""
    endpoint = start("dynamodb").endpoint
    table = {
        "TableName": "event-store",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    mine = dynamodb_client(endpoint)
    mine.create_table(**table)
    mine.put_item(TableName="event-store", Item={"id": {"S": "a"}})
    other = dynamodb_client(endpoint)
    assert ["event-store"] == other.list_tables()["TableNames"]
    assert [{"id": {"S": "a"}}] == other.scan(TableName="event-store")["Items"]


def test_redis_stores_a_key(start: Start) -> None:
    """A key set at the endpoint's URL is there for the next client."""
    endpoint = start("redis").endpoint
    with Redis.from_url(endpoint.env["REDIS_URL"]) as one, Redis.from_url(endpoint.env["REDIS_URL"]) as other:
        one.set("key", "value")
        assert b"value" == other.get("key")


@pytest.mark.parametrize("service", NAMES)
def test_a_started_service_says_what_it_is(start: Start, service: str) -> None:
    """Its endpoint names service, backend and version, and the seconds until it worked; its log has lines."""
    running = start(service)
    endpoint = running.endpoint
    assert service == endpoint.service
    assert running.describe()["backend"] == endpoint.backend
    assert endpoint.version[0].isdigit()
    assert endpoint.ready_s > 0
    assert works(endpoint)
    assert running.alive()
    assert [] != running.log_tail()
    assert 20 >= len(running.log_tail())


@pytest.mark.parametrize("service", EACH)
def test_a_service_is_found_again_from_its_description(
    start: Start, backend: Backend, settings: Settings, service: str
) -> None:
    """Another process that has the description, as JSON, finds the same service and can stop it."""
    running = start(service)
    description = json.loads(json.dumps(running.describe()))
    found = backend.find(description, settings)
    assert found is not None
    assert running.endpoint.address == found.endpoint.address
    assert found.alive()
    found.stop()
    assert not works(running.endpoint, timeout_s=2)
    assert not running.alive()
    assert backend.find(description, settings) is None


@pytest.mark.parametrize("service", EACH)
def test_a_stopped_service_is_gone(start: Start, backend: Backend, settings: Settings, service: str) -> None:
    """After stop nothing answers, nothing is found, and stopping again changes nothing."""
    running = start(service)
    running.stop()
    assert not running.alive()
    assert not works(running.endpoint, timeout_s=2)
    assert backend.find(running.describe(), settings) is None
    running.stop()


def test_two_of_a_kind_run_side_by_side(start: Start) -> None:
    """Two checkouts can have a Redis each: what one stores, the other does not have."""
    first, second = start("redis").endpoint, start("redis").endpoint
    assert first.address != second.address
    with Redis.from_url(first.address) as one, Redis.from_url(second.address) as other:
        one.set("key", "first")
        assert other.get("key") is None


def test_three_brokers_keep_a_record_each(start: Start) -> None:
    """A topic has three replicas by default, each on another broker."""
    endpoint = start("kafka", brokers=3).endpoint
    assert 3 == len(endpoint.address.split(","))
    admin = AdminClient({"bootstrap.servers": endpoint.address})
    admin.list_topics(timeout=30)  # librdkafka drops what it asks of an address before it knows its broker
    admin.create_topics([NewTopic("orders", 1, -1)])["orders"].result(30)
    assert produced(endpoint, "orders") is None
    partition = admin.list_topics("orders", 10).topics["orders"].partitions[0]
    assert 3 == len(set(partition.replicas))


def test_a_service_that_dies_is_said_to_be_dead(start: Start, kill: Callable[[Running], None]) -> None:
    """Once its process or container is killed, alive says so, and no round trip works."""
    running = start("redis")
    kill(running)
    assert not running.alive()
    assert not works(running.endpoint, timeout_s=2)
    assert [] != running.log_tail()


@pytest.mark.parametrize("service", EACH)
def test_a_member_that_was_killed_can_be_started_again(
    start: Start, backend: Backend, settings: Settings, service: str
) -> None:
    """At the same address; from then on the service is found, and stopped, as before."""
    running = start(service)
    (member,) = running.members()
    member.kill()
    assert not running.alive()
    assert not works(running.endpoint, timeout_s=1)
    member.start()
    until(lambda: probe(running.endpoint), deadline_s=60, service=service, awaited="a round trip")
    assert running.alive()
    found = backend.find(running.describe(), settings)
    assert found is not None
    found.stop()
    assert not running.alive()


@pytest.mark.parametrize("service", EACH)
def test_a_member_that_was_paused_goes_on(start: Start, service: str) -> None:
    """Paused it runs and answers nobody; afterwards it is as it was."""
    running = start(service)
    (member,) = running.members()
    member.pause()
    assert not works(running.endpoint, timeout_s=1)
    assert running.alive()
    member.resume()
    until(lambda: probe(running.endpoint), deadline_s=60, service=service, awaited="a round trip")


def test_a_broker_that_was_killed_keeps_its_records(start: Start) -> None:
    """Its log is on disk: a record that was acknowledged before is read after."""
    running = start("kafka")
    assert produced(running.endpoint, "orders") is None
    (member,) = running.members()
    member.kill()
    member.start()
    until(lambda: probe(running.endpoint), deadline_s=60, service="kafka", awaited="a round trip")
    assert [b"hello"] == consumed(running.endpoint, "orders", 1)


def test_three_brokers_survive_the_death_of_one(start: Start, kill: Callable[[Running], None]) -> None:
    """With one of three brokers killed, a record is still acknowledged by all in-sync replicas."""
    running = start("kafka", brokers=3)
    assert produced(running.endpoint, "orders") is None
    kill(running)
    assert produced(running.endpoint, "orders", seconds=60) is None


def test_a_service_that_dies_at_start_shows_its_log(start: Start, doomed: str) -> None:
    """The message says what was awaited and for how long, with what status it ended, and its last lines."""
    with pytest.raises(ServiceFailed, match=r"redis is not ready: waited \d+\.\d s for a key set") as caught:
        start("redis")
    failed = caught.value
    assert failed.exit_status not in (None, 0)
    assert any(doomed in line for line in failed.log_tail), failed.log_tail
    assert 20 >= len(failed.log_tail)
    assert failed.hint is not None
