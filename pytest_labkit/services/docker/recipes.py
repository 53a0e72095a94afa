"""What each service's containers are made of: command, environment and the port they listen on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pytest_labkit.host.settings import Settings
from pytest_labkit.services import dynamodb, kafka, redis, search
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.local import java
from pytest_labkit.services.versions import (
    DYNAMODB,
    ELASTICSEARCH,
    ELASTICSEARCH_IMAGE,
    IMAGES,
    KAFKA,
    OPENSEARCH,
)


@dataclass(frozen=True)
class Server:
    """
    A container to be: *name* is its name on the network that it shares with its like.

    *environment* is made from the port of 127.0.0.1 that its own *port* is published on.
    """

    name: str
    port: int
    command: Sequence[str] | None = None
    environment: Callable[[int], Mapping[str, str]] = lambda _published: {}


@dataclass(frozen=True)
class Recipe:
    """
    A service made of containers.

    *endpoint* makes the endpoint from the published ports; *probe* raises until a round trip worked;
    *version* asks a server that works; *deadline_s* is for the whole start once the image is there.
    """

    image: str
    servers: Callable[[int], list[Server]]
    endpoint: Callable[[Sequence[int]], Endpoint]
    probe: Callable[[Endpoint], None]
    awaited: str
    deadline_s: float
    version: Callable[[Endpoint], str]


def _redis_servers(_brokers: int) -> list[Server]:
    return [Server("redis", 6379, ["redis-server", "--save", "", "--appendonly", "no"])]


def _dynamodb_servers(_brokers: int) -> list[Server]:
    # Without -sharedDb: one namespace per access key.
    return [
        Server("dynamodb", 8000, [*java.FAST, "-jar", "DynamoDBLocal.jar", "-inMemory", "-disableTelemetry"])
    ]


def _kafka_servers(brokers: int) -> list[Server]:
    names = ["localhost"] if brokers == 1 else [f"kafka-{number}" for number in range(1, brokers + 1)]
    return [_broker(number, names) for number in range(1, brokers + 1)]


def _broker(number: int, names: Sequence[str]) -> Server:
    """Broker *number* (1, 2 …) of those that are reached by *names*; each is a controller too."""
    name = names[number - 1]

    def environment(published: int) -> dict[str, str]:
        return {
            "KAFKA_NODE_ID": str(number),
            "KAFKA_LISTENERS": "PLAINTEXT://:9092,BROKER://:9093,CONTROLLER://:9094",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{published},BROKER://{name}:9093",
            **_cluster(names),
        }

    return Server(name, 9092, environment=environment)


def _cluster(names: Sequence[str]) -> dict[str, str]:
    """What the brokers have in common; set, as for local brokers, for a quick start on a small machine."""
    replicas = min(3, len(names))
    in_sync = max(1, replicas - 1)  # so that three brokers go on without one of them
    return {
        "CLUSTER_ID": "4L6g3nShT-eMCtK--X86sw",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": ",".join(f"{i}@{name}:9094" for i, name in enumerate(names, 1)),
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_DEFAULT_REPLICATION_FACTOR": str(replicas),
        "KAFKA_MIN_INSYNC_REPLICAS": str(in_sync),
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "1",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": str(replicas),
        "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": str(replicas),
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": str(in_sync),
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_NUM_PARTITIONS": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": str(replicas),
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": str(in_sync),
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_JVM_PERFORMANCE_OPTS": " ".join(java.FAST),
        "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": "500",
        "KAFKA_BROKER_SESSION_TIMEOUT_MS": "6000",
    }


def _kafka_endpoint(ports: Sequence[int]) -> Endpoint:
    return kafka.endpoint([f"127.0.0.1:{port}" for port in ports], backend="docker", version=KAFKA)


def _dynamodb_endpoint(ports: Sequence[int]) -> Endpoint:
    return dynamodb.endpoint(f"http://127.0.0.1:{ports[0]}", backend="docker", version=DYNAMODB)


def _redis_endpoint(ports: Sequence[int]) -> Endpoint:
    return redis.endpoint(f"redis://127.0.0.1:{ports[0]}/0", backend="docker", version="unknown")


_SINGLE_NODE = {
    "discovery.type": "single-node",
    "cluster.routing.allocation.disk.threshold_enabled": "false",
}
_SEARCH_JAVA = "-Xms256m -Xmx512m -XX:TieredStopAtLevel=1"


def _opensearch_servers(_brokers: int) -> list[Server]:
    environment = {
        **_SINGLE_NODE,
        "DISABLE_SECURITY_PLUGIN": "true",
        "DISABLE_INSTALL_DEMO_CONFIG": "true",
        "OPENSEARCH_JAVA_OPTS": _SEARCH_JAVA,
    }
    return [Server("search", 9200, environment=lambda _published: environment)]


def _elasticsearch_servers(_brokers: int) -> list[Server]:
    environment = {
        **_SINGLE_NODE,
        "xpack.security.enabled": "false",
        "ingest.geoip.downloader.enabled": "false",
        "ES_JAVA_OPTS": _SEARCH_JAVA,
    }
    return [Server("search", 9200, environment=lambda _published: environment)]


def _search_endpoint(engine: str, version: str) -> Callable[[Sequence[int]], Endpoint]:
    return lambda ports: search.endpoint(
        f"http://127.0.0.1:{ports[0]}", backend="docker", engine=engine, version=version
    )


def _pinned(endpoint: Endpoint) -> str:
    return endpoint.version


RECIPES: Mapping[str, Recipe] = {
    "kafka": Recipe(
        IMAGES["kafka"], _kafka_servers, _kafka_endpoint, kafka.probe, kafka.AWAITED, 180, _pinned
    ),
    "dynamodb": Recipe(
        IMAGES["dynamodb"],
        _dynamodb_servers,
        _dynamodb_endpoint,
        dynamodb.probe,
        dynamodb.AWAITED,
        120,
        _pinned,
    ),
    # The image's tag names a minor version only.
    "redis": Recipe(
        IMAGES["redis"], _redis_servers, _redis_endpoint, redis.probe, redis.AWAITED, 60, redis.server_version
    ),
    "search": Recipe(
        IMAGES["search"],
        _opensearch_servers,
        _search_endpoint("opensearch", OPENSEARCH),
        search.probe,
        search.AWAITED,
        180,
        _pinned,
    ),
}

_ELASTICSEARCH = Recipe(
    ELASTICSEARCH_IMAGE,
    _elasticsearch_servers,
    _search_endpoint("elasticsearch", ELASTICSEARCH),
    search.probe,
    search.AWAITED,
    180,
    _pinned,
)


def recipe(service: str, settings: Settings) -> Recipe:
    """What *service* is made of for a run with these *settings*."""
    if service == "search" and settings.search == "elasticsearch":
        return _ELASTICSEARCH
    return RECIPES[service]
