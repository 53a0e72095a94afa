"""What real Kafka clients see of each fault, on one broker and on three; none gets past the links."""

from __future__ import annotations

import socket
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from pytest_labkit import expect, services
from pytest_labkit.domain.errors import KitError
from pytest_labkit.faults.faults import Faults
from pytest_labkit.faults.process import ProxyProcess
from pytest_labkit.host import settings

DEADLINE_S = 60.0


CLUSTERS = [("local", 1), ("local", 3), ("docker", 3)]


@pytest.fixture(scope="module", params=CLUSTERS, ids=lambda param: f"{param[0]}-{param[1]}")
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[services.Services]:
    """A real Kafka."""
    backend, brokers = request.param
    if backend == "docker":
        request.getfixturevalue("docker_usable")
    chosen = settings.resolve(tmp_path_factory.mktemp("checkout"), options={"backend": backend})
    with services.Services(chosen) as made:
        made.start(["kafka"], brokers=brokers)
        yield made


@pytest.fixture
def environ() -> dict[str, str]:
    """What a student's code finds its services by."""
    return {}


@pytest.fixture
def faults(running: services.Services, environ: dict[str, str]) -> Iterator[Faults]:
    """The faults of one test."""
    relay = ProxyProcess()
    made = Faults(running, ["kafka"], environ, relay, seed=407)
    yield made
    made.close()
    relay.close()


@pytest.fixture
def topic(running: services.Services) -> str:
    """A topic of the test's own, a partition for each broker, made past the links."""
    name = f"orders-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": running.endpoint("kafka").address})
    admin.list_topics(timeout=DEADLINE_S)  # librdkafka drops what it asks before it knows the brokers
    admin.create_topics([NewTopic(name, 3, -1)])[name].result(DEADLINE_S)
    expect.eventually(3, lambda: len(leaders(admin, name)), within_s=DEADLINE_S)
    return name


def leaders(admin: AdminClient, topic: str) -> list[int]:
    """The brokers that lead the partitions of *topic*, of those that have a leader yet."""
    partitions = admin.list_topics(topic, DEADLINE_S).topics[topic].partitions
    return [partitions[number].leader for number in sorted(partitions) if partitions[number].leader >= 0]


Make = Callable[..., Producer]


@pytest.fixture
def producer(faults: Faults, environ: dict[str, str]) -> Make:
    """A producer as a student would make it, through the links."""
    assert faults.kafka

    def make(**options: Any) -> Producer:
        return Producer(
            {
                "bootstrap.servers": environ["KAFKA_BOOTSTRAP_SERVERS"],
                "log_level": 0,
                "linger.ms": 0,
                "retry.backoff.ms": 50,
                "reconnect.backoff.max.ms": 200,
                **{name.replace("_", "."): value for name, value in options.items()},
            }
        )

    return make


def send(producer: Producer, topic: str, *values: bytes, seconds: float = DEADLINE_S) -> list[str | None]:
    """Produce *values*, one to each partition in turn; the errors, `None` for what was acknowledged."""
    outcomes: list[str | None] = []
    for number, value in enumerate(values):
        producer.produce(
            topic,
            value,
            partition=number % 3,
            on_delivery=lambda error, _: outcomes.append(error and str(error)),
        )
    producer.flush(seconds)
    return outcomes


def stored(running: services.Services, topic: str) -> Counter[bytes | None]:
    """The values in *topic*, read past the links, and how often each is there."""
    consumer = Consumer(
        {
            "bootstrap.servers": running.endpoint("kafka").address,
            "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    found: Counter[bytes | None] = Counter()
    ends = 0
    consumer.subscribe([topic])
    while ends < 3:
        message = consumer.poll(DEADLINE_S)
        assert message is not None
        if message.error():
            ends += 1
        else:
            found[message.value()] += 1
    consumer.close()
    return found


def test_all_of_it_goes_through_the_links(
    running: services.Services, faults: Faults, environ: dict[str, str], topic: str, producer: Make
) -> None:
    """A producer, and a group's consumer, find each other; with nobody listening at the links, nothing is."""
    made = producer(message_timeout_ms=3000)
    assert [None] * 3 == send(made, topic, b"a", b"b", b"c")
    consumer = Consumer(
        {
            "bootstrap.servers": environ["KAFKA_BOOTSTRAP_SERVERS"],
            "group.id": topic,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    consumer.subscribe([topic])
    assert {b"a", b"b", b"c"} == {message.value() for message in consumer.consume(3, DEADLINE_S)}
    consumer.commit(asynchronous=False)
    consumer.close()
    with faults.kafka.refuse() as refused:
        assert refused.fired > 0
        (error,) = send(made, topic, b"d")
        assert error is not None
        assert "_MSG_TIMED_OUT" in error
    assert [None] == send(made, topic, b"e")
    assert Counter({b"a": 1, b"b": 1, b"c": 1, b"e": 1}) == stored(running, topic)


def test_a_lost_reply_and_an_idempotent_producer_is_one_copy(
    running: services.Services, faults: Faults, topic: str, producer: Make
) -> None:
    """The broker knows the second for the first."""
    made = producer(enable_idempotence=True)
    assert [None] == send(made, topic, b"before")
    with faults.kafka.lose_reply("Produce") as lost:
        assert [None] == send(made, topic, b"once")
    assert 1 == lost.fired
    assert Counter({b"before": 1, b"once": 1}) == stored(running, topic)


def test_a_lost_reply_and_retries_are_two_copies(
    running: services.Services, faults: Faults, topic: str, producer: Make
) -> None:
    """Nobody knows that it was there already."""
    made = producer(enable_idempotence=False, retries=5)
    assert [None] == send(made, topic, b"before")
    with faults.kafka.lose_reply("Produce") as lost:
        assert [None] == send(made, topic, b"twice")
    assert 1 == lost.fired
    assert Counter({b"before": 1, b"twice": 2}) == stored(running, topic)


def test_a_transaction_goes_through_the_links(
    running: services.Services, faults: Faults, topic: str, producer: Make
) -> None:
    """Its coordinator is found through them, and a lost reply to its end changes nothing."""
    made = producer(transactional_id=topic)
    made.init_transactions(DEADLINE_S)
    made.begin_transaction()
    send(made, topic, b"aborted")
    made.abort_transaction(DEADLINE_S)
    made.begin_transaction()
    send(made, topic, b"committed")
    with faults.kafka.lose_reply("EndTxn") as lost:
        made.commit_transaction(DEADLINE_S)
    assert 1 == lost.fired
    assert Counter({b"committed": 1}) == stored(running, topic)


def test_a_paused_broker_is_waited_for(
    running: services.Services, faults: Faults, topic: str, producer: Make
) -> None:
    """What is produced meanwhile is acknowledged afterwards, and stored once."""
    made = producer(enable_idempotence=True)
    assert [None] == send(made, topic, b"before")
    with faults.kafka.paused():
        assert [] == send(made, topic, b"late", seconds=1)
    made.flush(DEADLINE_S)
    assert 0 == len(made)
    assert Counter({b"before": 1, b"late": 1}) == stored(running, topic)


def test_a_killed_broker_comes_back(
    running: services.Services, faults: Faults, topic: str, producer: Make
) -> None:
    """The last of them: two others go on without it, one alone is waited for; nothing is lost."""
    brokers = len(running.endpoint("kafka").address.split(","))
    made = producer(enable_idempotence=True)
    assert [None] * 3 == send(made, topic, b"a", b"b", b"c")
    with faults.kafka.broker(brokers).killed():
        outcomes = send(made, topic, b"d", b"e", b"f", seconds=DEADLINE_S if brokers == 3 else 1)
        assert ([None] * 3 if brokers == 3 else []) == outcomes
    made.flush(DEADLINE_S)
    assert running.healthy("kafka")
    assert Counter(dict.fromkeys((b"a", b"b", b"c", b"d", b"e", b"f"), 1)) == stored(running, topic)


def test_one_way_to_one_broker(
    running: services.Services, faults: Faults, topic: str, producer: Make
) -> None:
    """A client that cannot reach one of three brokers reaches the others; the cluster itself is whole."""
    if len(running.endpoint("kafka").address.split(",")) == 1:
        with pytest.raises(ValueError, match="broker 2: the cluster has the brokers 1 to 1"):
            faults.kafka.broker(2)
        return
    admin = AdminClient({"bootstrap.servers": running.endpoint("kafka").address})
    found = leaders(admin, topic)
    made = producer(message_timeout_ms=4000)
    with faults.kafka.broker(found[0]).refuse():
        outcomes: dict[int, bool] = {}
        for number in range(3):
            made.produce(
                topic,
                b"x",
                partition=number,
                on_delivery=lambda error, message: outcomes.update({message.partition(): error is None}),
            )
        made.flush(DEADLINE_S)
    assert {number: leader != found[0] for number, leader in enumerate(found)} == outcomes


def test_what_producers_ask_for_is_seen(faults: Faults, topic: str, producer: Make) -> None:
    """Their acks are in the requests, whatever their code says."""
    for acks in (0, 1, -1):
        assert [None] == send(producer(acks=acks), topic, b"x" * 1000)
    assert [0, 1, -1] == [acks for acks, _ in faults.kafka.produced()]
    assert all(1000 < size < 1500 for _, size in faults.kafka.produced())
    with pytest.raises(ValueError, match="api='Send': it has to be one of AddPartitionsToTxn, "):
        faults.kafka.lose_reply("Send")


def test_what_consumers_fetch_is_counted(
    faults: Faults, environ: dict[str, str], topic: str, producer: Make
) -> None:
    """Records by partition, compressed ones too; what another reads past the links does not count."""
    assert {} == faults.kafka.fetched()
    assert [None] * 60 == send(producer(compression_type="gzip"), topic, *[b"x" * 100] * 60)
    consumer = Consumer({"bootstrap.servers": environ["KAFKA_BOOTSTRAP_SERVERS"], "group.id": topic})
    consumer.assign([TopicPartition(topic, 0, 0), TopicPartition(topic, 2, 0)])
    assert 40 == len(consumer.consume(40, DEADLINE_S))
    consumer.close()
    assert {(topic, 0): 20, (topic, 2): 20} == faults.kafka.fetched()


def test_links_stand_in_front_of_an_external_kafka(
    running: services.Services, environ: dict[str, str], topic: str, tmp_path: Path
) -> None:
    """The replies that name its brokers are written anew: it needs no listener of the kit's."""
    given = {"KAFKA_BOOTSTRAP_SERVERS": running.endpoint("kafka").address.split(",")[0]}
    theirs = settings.resolve(tmp_path, options={"backend": "external"}, environ=given)
    relay = ProxyProcess()
    with services.Services(theirs) as external:
        faults = Faults(external, ["kafka"], environ, relay, seed=1)
        made = Producer(
            {
                "bootstrap.servers": environ["KAFKA_BOOTSTRAP_SERVERS"],
                "message.timeout.ms": 3000,
                "log_level": 0,
            }
        )
        assert [None] * 3 == send(made, topic, b"a", b"b", b"c")
        with faults.kafka.blackhole():
            (error,) = send(made, topic, b"d")
            assert error is not None
        with pytest.raises(KitError, match="The kit cannot kill or pause kafka: with --lab-backend external"):
            faults.kafka.killed().__enter__()
        faults.close()
    relay.close()


def test_a_link_that_cannot_read_what_comes_says_so(
    running: services.Services, faults: Faults, environ: dict[str, str]
) -> None:
    """TLS, for instance: the connection is reset, and the kit takes the blame when the test ends."""
    assert running.healthy("kafka")
    host, _, port = environ["KAFKA_BOOTSTRAP_SERVERS"].split(",")[0].partition(":")
    with socket.create_connection((host, int(port)), DEADLINE_S) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")  # the start of a TLS handshake
        with pytest.raises(ConnectionResetError, match="reset"):
            client.recv(1)
    with pytest.raises(KitError, match=r"A link to Kafka met what is not its protocol: a frame of \d+ bytes"):
        faults.close()
