"""Kafka: where it is had from, what a broker needs to run, and the round trip that proves a cluster works."""

from __future__ import annotations

import base64
import shutil
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_labkit.host.settings import Settings
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.jvm import archives, download, java
from pytest_labkit.services.jvm.archives import Archive
from pytest_labkit.services.recipes import ContainerRecipe, ExternalRecipe, ProcessRecipe, Program, Server
from pytest_labkit.services.service import Cluster, Release, Requirement, Say, Service

VERSION = "4.4.0"
AWAITED = "a record produced and consumed"
MAIN_CLASS = "kafka.Kafka"
FEATURES = Path(__file__).with_name("kafka.bootstrap.checkpoint")
"""What `kafka-storage format` of `VERSION` writes into `bootstrap.checkpoint`: each feature at its newest."""

RELEASE = Release("Kafka", VERSION, f"apache/kafka:{VERSION}", "kafka")
_VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"
_TOPIC = "labkit-probe"


def endpoint(addresses: Sequence[str], *, backend: str, version: str, ready_s: float = 0.0) -> Endpoint:
    """The endpoint of a cluster whose brokers listen at *addresses*, each `host:port`."""
    servers = ",".join(addresses)
    return Endpoint("kafka", backend, version, servers, {_VARIABLE: servers}, ready_s)


def probe(endpoint: Endpoint, *, timeout_s: float = 10.0) -> None:
    """
    Produce a record to the topic `labkit-probe` and consume it; raises if that takes over *timeout_s* s.

    The topic is made the first time, with as many replicas as the cluster gives a topic by default: with
    the kit's own three brokers the probe works only once all three are there.
    """
    deadline = time.monotonic() + timeout_s
    _make_topic(endpoint, timeout_s)
    value = uuid.uuid4().bytes
    place = _produce(endpoint, value, deadline)
    _consume(endpoint, place, value, deadline)


def brokers(endpoint: Endpoint, *, timeout_s: float = 10.0) -> dict[int, tuple[str, int]]:
    """The brokers that the cluster itself names: id -> host and port."""
    found = _metadata(endpoint, timeout_s).brokers
    return {id_: (found[id_].host, found[id_].port) for id_ in sorted(found)}


def in_sync(endpoint: Endpoint, brokers: int, timeout_s: float = 10.0) -> None:
    """Raises unless so many *brokers* are there and every replica of every partition is in sync."""
    metadata = _metadata(endpoint, timeout_s)
    if len(metadata.brokers) < brokers:
        raise RuntimeError(f"{len(metadata.brokers)} of {brokers} brokers are there")
    for topic in metadata.topics.values():
        for partition in topic.partitions.values():
            if len(partition.isrs) < len(partition.replicas):
                raise RuntimeError(f"{topic.topic}[{partition.id}] has a replica that is not in sync")


def _metadata(endpoint: Endpoint, timeout_s: float) -> Any:
    from confluent_kafka.admin import AdminClient

    return AdminClient(_client(endpoint)).list_topics(timeout=timeout_s)


def _make_topic(endpoint: Endpoint, timeout_s: float) -> None:
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

    admin = AdminClient(_client(endpoint))  # kept in a variable: a collected client fails its futures
    topic = NewTopic(_TOPIC, num_partitions=1, replication_factor=-1, config={"retention.ms": "60000"})
    future = admin.create_topics([topic], operation_timeout=timeout_s, request_timeout=timeout_s)[_TOPIC]
    try:
        future.result(timeout_s)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def _produce(endpoint: Endpoint, value: bytes, deadline: float) -> tuple[int, int]:
    """Where *value* was stored, acknowledged by all replicas: partition and offset."""
    from confluent_kafka import KafkaException, Producer

    left_ms = max(1, int((deadline - time.monotonic()) * 1000))
    producer = Producer(_client(endpoint) | {"acks": "all", "linger.ms": 0, "message.timeout.ms": left_ms})
    outcome: list[tuple[Any, Any]] = []
    producer.produce(_TOPIC, value, on_delivery=lambda error, message: outcome.append((error, message)))
    producer.flush(left_ms / 1000)
    if not outcome:
        raise TimeoutError("a record was sent and not acknowledged")
    error, message = outcome[0]
    if error is not None:
        raise KafkaException(error)
    return message.partition(), message.offset()


def _consume(endpoint: Endpoint, place: tuple[int, int], value: bytes, deadline: float) -> None:
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer(_client(endpoint) | {"group.id": "labkit-probe", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(_TOPIC, *place)])  # no group is joined
        while (left_s := deadline - time.monotonic()) > 0:
            message = consumer.poll(left_s)
            if message is not None and message.error() is None and message.value() == value:
                return
    finally:
        consumer.close()
    raise TimeoutError("a record was acknowledged and not consumed")


def _client(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "bootstrap.servers": endpoint.address,
        "log_level": 0,  # a broker that is not up yet is expected here, not news for the terminal
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 200,
    }


@dataclass(frozen=True)
class Node:
    """One broker of a cluster on this machine, which is also a controller."""

    id: int
    port: int
    controller_port: int

    @property
    def address(self) -> str:
        """Where clients reach it."""
        return f"127.0.0.1:{self.port}"


def random_id() -> str:
    """A fresh id as Kafka writes its cluster and directory ids: 16 random bytes in URL-safe base 64."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()


def _prepare(folder: Path, node: Node, nodes: Sequence[Node], *, cluster_id: str) -> None:
    """
    Write all that *node* of *nodes* starts from into *folder*.

    The storage is formatted by hand, as `kafka-storage format` would take a JVM of 1.6 to 3.2 s. What that
    leaves is a `meta.properties`, and the first records of the cluster's metadata: its features, without
    which there are no groups of the new protocol (`group.version`).
    """
    data = folder / "data"
    data.mkdir(parents=True)
    meta = {"version": 1, "cluster.id": cluster_id, "node.id": node.id, "directory.id": random_id()}
    _write(data / "meta.properties", meta)
    shutil.copy(FEATURES, data / "bootstrap.checkpoint")
    _write(folder / "server.properties", _broker(node, nodes, data))
    _write(folder / "log4j2.properties", _LOGGING)


def _write(file: Path, properties: Mapping[str, object]) -> None:
    # Java reads a backslash as the start of an escape.
    lines = (f"{key}={str(value).replace(chr(92), chr(92) * 2)}\n" for key, value in properties.items())
    file.write_text("".join(lines), encoding="utf-8")


def _broker(node: Node, nodes: Sequence[Node], data: Path) -> dict[str, object]:
    """`server.properties` of a combined broker and controller."""
    return {
        "node.id": node.id,
        "controller.quorum.voters": ",".join(f"{n.id}@127.0.0.1:{n.controller_port}" for n in nodes),
        "listeners": f"PLAINTEXT://{node.address},CONTROLLER://127.0.0.1:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{node.address}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": data,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 4,
        **_in_common(len(nodes)),
    }


def _in_common(brokers: int) -> dict[str, object]:
    """What all *brokers* have in common wherever they run; set for a quick start on a small machine."""
    replicas = min(3, brokers)
    in_sync = max(1, replicas - 1)  # so that three brokers go on without one of them
    return {
        "process.roles": "broker,controller",
        "controller.listener.names": "CONTROLLER",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        # Internal topics: one partition instead of 50, each of which is a log to open on every broker.
        "offsets.topic.num.partitions": 1,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.num.partitions": 1,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        "group.initial.rebalance.delay.ms": 0,
        "group.consumer.assignment.interval.ms": 0,  # from 4.4 on a member would wait for up to a second
        "group.share.assignment.interval.ms": 0,
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 6000,
    }


# To standard output, which is a file: whatever the JVM itself has to say stands in the same place. All of
# INFO is 500 lines for a start, which take a sixth of its time and push what matters out of the last twenty.
_LOGGING = {
    "appender.console.type": "Console",
    "appender.console.name": "console",
    "appender.console.layout.type": "PatternLayout",
    "appender.console.layout.pattern": "%d{HH:mm:ss.SSS} %p %m (%c)%n",
    "rootLogger.level": "WARN",
    "rootLogger.appenderRef.console.ref": "console",
    "logger.version.name": "org.apache.kafka.common.utils.AppInfoParser",
    "logger.version.level": "INFO",
    "logger.state.name": "kafka.server.BrokerServer",
    "logger.state.level": "INFO",
    "logger.started.name": "kafka.server.KafkaRaftServer",
    "logger.started.level": "INFO",
}


def command(java: Sequence[str], *, class_path: str, folder: Path) -> list[str]:
    """Start the broker that `_prepare` wrote into *folder*; *java* as in `dynamodb.command`."""
    return [
        *java,
        "-Xmx1g",
        f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
        "-cp",
        class_path,
        MAIN_CLASS,
        str(folder / "server.properties"),
    ]


def _processes(settings: Settings, brokers: int, say: Say) -> ProcessRecipe:
    found = java.find(settings.environ)
    files = download.fetch(download.artifacts("kafka"), settings, say, what=f"Apache Kafka {VERSION}")
    jars = [file for file in files if file.suffix == ".jar"]

    def prepare(folder: Path, ports: list[int], options: Sequence[str]) -> tuple[list[Program], Endpoint]:
        nodes = [Node(i + 1, *ports[2 * i : 2 * i + 2]) for i in range(brokers)]
        cluster_id = random_id()
        programs = []
        for node in nodes:
            home = folder / f"broker-{node.id}"
            _prepare(home, node, nodes, cluster_id=cluster_id)
            started = command([*found.command, *options], class_path=java.class_path(jars), folder=home)
            programs.append(Program(started, node.port, f"broker-{node.id}.log"))
        return programs, endpoint([node.address for node in nodes], backend="local", version=VERSION)

    archive = Archive("kafka", found, tuple(jars), archives.folder(settings))
    return ProcessRecipe(2 * brokers, prepare, probe, AWAITED, deadline_s=120 + 30 * brokers, archive=archive)


def _servers(brokers: int) -> list[Server]:
    names = ["localhost"] if brokers == 1 else [f"kafka-{number}" for number in range(1, brokers + 1)]
    return [_server(number, names) for number in range(1, brokers + 1)]


def _server(number: int, names: Sequence[str]) -> Server:
    """Broker *number* (1, 2 …) of those that are reached by *names*; each is a controller too."""
    name = names[number - 1]
    properties = {
        "node.id": number,
        "controller.quorum.voters": ",".join(f"{i}@{name}:9094" for i, name in enumerate(names, 1)),
        "listeners": "PLAINTEXT://:9092,BROKER://:9093,CONTROLLER://:9094",
        "inter.broker.listener.name": "BROKER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        **_in_common(len(names)),
    }

    def environment(published: int) -> dict[str, str]:
        return {
            "CLUSTER_ID": "4L6g3nShT-eMCtK--X86sw",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{published},BROKER://{name}:9093",
            "KAFKA_JVM_PERFORMANCE_OPTS": " ".join(java.FAST),
            **{f"KAFKA_{key.upper().replace('.', '_')}": str(value) for key, value in properties.items()},
        }

    return Server(name, 9092, environment=environment)


def _published(ports: Sequence[int]) -> Endpoint:
    return endpoint([f"127.0.0.1:{port}" for port in ports], backend="docker", version=VERSION)


def _given(address: str, _environ: Mapping[str, str]) -> Endpoint:
    return endpoint(address.split(","), backend="external", version="unknown")


SERVICE = Service(
    name="kafka",
    variable=_VARIABLE,
    gives=f"a running Kafka; its `Endpoint`, with `{_VARIABLE}` set",
    release=lambda _settings: RELEASE,
    probe=probe,
    awaited=AWAITED,
    processes=_processes,
    containers=lambda _settings: ContainerRecipe(RELEASE.image, _servers, _published, deadline_s=180),
    external=ExternalRecipe((_VARIABLE,), "127.0.0.1:9092", _given),
    runs_on=java.runs_on,
    requirements=(Requirement("java", java.look),),
    client="confluent-kafka",
    keeps=("local", "docker"),
    cluster=Cluster(brokers, in_sync),
)
