"""Raw errors, raised by the libraries themselves, and the sentence that a student gets for each."""

from __future__ import annotations

import asyncio
import json
import socket
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import botocore.session
import confluent_kafka
import pytest
import redis
from freezegun import freeze_time

from labs.lab3.events import OrderCreated
from pytest_labkit.runs.diagnosis import diagnose
from pytest_labkit.runs.limits import OutOfTime


def free_port() -> int:
    """A port that nothing listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def client_of(**given: Any) -> Any:
    """A client of boto3 without any environment of this machine."""
    session = boto3.Session(botocore_session=botocore.session.Session())
    return session.client("dynamodb", **given)


def nobody_there() -> None:
    port = free_port()
    config = boto3.session.Config(retries={"total_max_attempts": 1}, connect_timeout=2)
    client_of(
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=config,
    ).list_tables()


def untyped_item() -> None:
    client = client_of(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    client.put_item(TableName="t", Item={"id": "1"})


def queue_full() -> None:
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": f"127.0.0.1:{free_port()}", "queue.buffering.max.messages": 1, "log_level": 0}
    )
    try:
        for _ in range(2):
            producer.produce("t", b"x")
    finally:
        producer.purge()


def not_delivered() -> None:
    errors: list[confluent_kafka.KafkaError] = []
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": f"127.0.0.1:{free_port()}", "message.timeout.ms": 50, "log_level": 0}
    )
    producer.produce("t", b"x", on_delivery=lambda error, _: errors.append(error))
    producer.flush(10)
    raise confluent_kafka.KafkaException(errors[0])


def unknown_topic() -> None:
    raise confluent_kafka.KafkaException(
        confluent_kafka.KafkaError(confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART)
    )


async def events() -> list[str]:
    return []


def not_awaited() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        len(events())  # type: ignore[arg-type]


def loop_in_a_loop() -> None:
    async def outer() -> None:
        inner = events()
        try:
            asyncio.run(inner)
        finally:
            inner.close()

    asyncio.run(outer())


def frozen_json() -> None:
    with freeze_time("2025-01-01"):
        raise TypeError(f"cannot encode {datetime.now(UTC)!r}")


def wrapped() -> None:
    try:
        json.dumps(Decimal(1))
    except TypeError as error:
        raise RuntimeError("storing failed") from error


CASES: dict[str, tuple[Callable[[], object], str]] = {
    "connection refused": (nobody_there, "nothing listens at that address"),
    "no region": (lambda: client_of(), "boto3 did not get the environment"),
    "untyped item": (untyped_item, "boto3's client takes typed values, {'S': 'text'} and {'N': '1'}"),
    "redis refused": (lambda: redis.Redis(port=free_port()).ping(), "Redis does not listen there"),
    "queue full": (queue_full, "the producer's queue is full: call poll()"),
    "message timed out": (not_delivered, "no broker took the message in time"),
    "unknown topic": (unknown_topic, "the topic does not exist under that name"),
    "not installed": (lambda: __import__("avro_of_no_one"), "avro_of_no_one is not installed here"),
    "not JSON": (lambda: json.dumps(Decimal(1)), "json knows no Decimal"),
    "cause": (wrapped, "json knows no Decimal"),
    "given event": (
        lambda: OrderCreated(order_id=1),
        "OrderCreated was made from fields that it does not have",
    ),
    "time without zone": (
        lambda: datetime.fromisoformat("2025-01-01") < datetime.now(UTC),
        "one of the two times has no zone",
    ),
    "frozen clock": (frozen_json, "the check has stopped the clock (freezegun)"),
    "not awaited": (not_awaited, "an async function was called without await"),
    "loop in a loop": (loop_in_a_loop, "asyncio.run starts a loop of its own"),
    "out of time": (lambda: (_ for _ in ()).throw(OutOfTime(3)), "a loop without an end"),
}


@pytest.mark.parametrize(("call", "meaning"), CASES.values(), ids=CASES.keys())
def test_usual_error_is_told_in_a_sentence(
    call: Callable[[], object], meaning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the library raises is recognised."""
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(BaseException, match=r"\S") as raised:
        call()
    told = diagnose(raised.value)
    assert told is not None, repr(raised.value)
    assert meaning in told


def test_unusual_error_has_no_diagnosis() -> None:
    """Of an error that nobody foresaw nothing is guessed."""
    assert diagnose(KeyError("x")) is None


def test_error_that_led_to_itself_ends() -> None:
    """A circle of causes is looked at once."""
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert diagnose(one) is None
