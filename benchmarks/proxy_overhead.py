"""
What the proxies cost: Kafka produce throughput and Redis round trips through a link, and boto3's writes
through the HTTP proxy in front of DynamoDB, beside the direct way.

    python benchmarks/proxy_overhead.py

Rounds of both ways take turns, so that a neighbour's load falls on both; the ratio of the medians counts.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from redis import Redis

from pytest_labkit.faults.dynamodb.proxy import DynamoDBProxy
from pytest_labkit.faults.faults import Faults
from pytest_labkit.faults.process import ProxyProcess
from pytest_labkit.host import settings
from pytest_labkit.services import Services

ROUNDS = 5
SECONDS = 2.0
VALUE = os.urandom(200)
TABLE = "proxied"


def produced_per_s(servers: str, topic: str) -> float:
    """Records of 200 bytes a second, acknowledged by all replicas, of one producer set for throughput."""
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "acks": "all",
            "log_level": 0,
            "linger.ms": 5,
            "batch.size": 262_144,
            "queue.buffering.max.messages": 200_000,
        }
    )
    producer.list_topics(topic, 10)
    sent, began = 0, time.monotonic()
    while time.monotonic() - began < SECONDS:
        try:
            for _ in range(1000):
                producer.produce(topic, VALUE)
                sent += 1
            producer.poll(0)
        except BufferError:
            producer.poll(0.01)
    producer.flush(60)
    return sent / (time.monotonic() - began)


def round_trips_per_s(url: str, pipelined: int) -> float:
    """GETs a second of one client, so many at a time."""
    with Redis.from_url(url) as client:
        client.set("key", VALUE)
        done, began = 0, time.monotonic()
        while time.monotonic() - began < SECONDS / 2:
            pipe = client.pipeline(transaction=False)
            for _ in range(pipelined):
                pipe.get("key")
            done += len(pipe.execute())
        return done / (time.monotonic() - began)


def puts_per_s(url: str, threads: int) -> float:
    """Writes a second of so many threads with one boto3 client."""
    with closing(dynamodb_client(url)) as client:
        done, began = [0] * threads, time.monotonic()

        def put(number: int) -> None:
            while time.monotonic() - began < SECONDS / 2:
                key = f"{number}-{done[number]}"
                client.put_item(TableName=TABLE, Item={"id": {"S": key}, "value": {"B": VALUE}})
                done[number] += 1

        writers = [threading.Thread(target=put, args=(number,)) for number in range(threads)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        return sum(done) / (time.monotonic() - began)


def dynamodb_client(url: str) -> Any:
    """boto3 as it comes."""
    keys = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench", "region_name": "us-east-1"}
    return boto3.client("dynamodb", endpoint_url=url, **keys)


def compare(what: str, unit: str, direct: Callable[[], float], through: Callable[[], float]) -> None:
    """Print the medians of both ways, taken in turn, after a round of each to warm up."""
    direct(), through()
    pairs = [(direct(), through()) for _ in range(ROUNDS)]
    one, other = (statistics.median(figures) for figures in zip(*pairs, strict=True))
    spread = ", ".join(f"{b / a:.2f}" for a, b in pairs)
    print(f"{what:<34} {one:>10,.0f} {other:>10,.0f} {unit:<10} {other / one:5.2f}   ({spread})")


def main() -> None:
    """Measure on local services of this run's own."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = settings.resolve(Path(folder), options={"backend": "local"})
        with Services(chosen) as services:
            services.start(["kafka", "redis", "dynamodb"])
            environ: dict[str, str] = {}
            relay = ProxyProcess()
            faults = Faults(services, ["kafka", "redis"], environ, relay, seed=0)
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; medians of {ROUNDS} rounds")
            print(f"{'':<34} {'direct':>10} {'link':>10} {'':<10} {'ratio':>5}")
            kafka, redis = services.endpoint("kafka").address, services.endpoint("redis").address
            topic = f"bench-{uuid.uuid4().hex[:8]}"
            admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
            admin.create_topics([NewTopic(topic, 6, 1)])[topic].result(30)
            compare(
                "Kafka produce, 200 B, acks=all",
                "records/s",
                lambda: produced_per_s(kafka, topic),
                lambda: produced_per_s(environ["KAFKA_BOOTSTRAP_SERVERS"], topic),
            )
            for pipelined in (1, 100):
                compare(
                    f"Redis GET of 200 B, {pipelined} at a time",
                    "GETs/s",
                    lambda n=pipelined: round_trips_per_s(redis, n),
                    lambda n=pipelined: round_trips_per_s(environ["REDIS_URL"], n),
                )
            url = services.endpoint("dynamodb").env["AWS_ENDPOINT_URL_DYNAMODB"]
            with closing(dynamodb_client(url)) as client:
                client.create_table(
                    TableName=TABLE,
                    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                    BillingMode="PAY_PER_REQUEST",
                )
            with DynamoDBProxy(url) as proxy:
                for threads in (1, 4):
                    compare(
                        f"DynamoDB PutItem, {threads} at a time",
                        "writes/s",
                        lambda n=threads: puts_per_s(url, n),
                        lambda n=threads: puts_per_s(proxy.url, n),
                    )
            faults.close()
            relay.close()


if __name__ == "__main__":
    main()
