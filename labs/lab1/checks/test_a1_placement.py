"""Don't change the tests. A1: each strategy places messages as specified."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from labs.lab1.messages import Message
from pytest_labkit import Mistake, expect

pytestmark = pytest.mark.criterion("A1")

JAVA = json.loads(Path(__file__).with_name("java_partitions.json").read_text("utf-8"))
COUNTS = [1, 3, 4, 7, 12]
"""Of partitions; java_partitions.json has these."""

CRC32 = "a message without partition= goes where librdkafka's default says, which is CRC32 and not Java's"
ODD = ["order-1", "", "é", "客户-17", "🛒", "x" * 300]


def sent(producer, messages):
    """Send *messages* by *producer*, and close it."""
    for message in messages:
        producer.send(message)
    producer.flush()
    producer.close()


def of_one_key(count, key="order-1"):
    """*count* messages of *key*, in their order."""
    return [Message(key=key, sequence=number) for number in range(count)]


def places(topics, topic):
    """The partition of each message of *topic*, in the order of their sequences, whatever their keys."""
    by_sequence = sorted((record.id[1], record.partition) for record in topics.read(topic))
    return [partition for _, partition in by_sequence]


@pytest.mark.promise("A1.1", "A1.2")
def test_a_record_holds_the_message(topics, producer):
    """The record of a message has its key in UTF-8, and as its value what encoded() gives."""
    topic = topics.new(1)
    messages = [Message(key=key, sequence=n, text=f"né {key}") for n, key in enumerate(ODD)]
    sent(producer("round_robin", topic=topic), messages)
    stored = topics.read(topic)
    expect.equal([key.encode() for key in ODD], [record.key for record in stored])
    expect.equal([message.encoded() for message in messages], [record.value for record in stored])


@pytest.mark.promise("A1.3", "A1.4", "A1.8")
def test_a_key_lies_where_java_puts_it(topics, producer):
    """Keys of all kinds are sent by key_hash to topics of 1, 3, 4, 7 and 12 partitions."""
    names = dict(zip(COUNTS, topics.new(*COUNTS), strict=True))
    for topic in names.values():
        sent(producer("key_hash", topic=topic), [Message(key=key, sequence=0) for key in JAVA])
    found = topics.read_all(names.values())
    for count, topic in names.items():
        got = {record.id[0]: record.partition for record in found[topic]}
        for key, by_count in JAVA.items():
            expect(
                got.get(key) == by_count[str(count)],
                expected=f"{key!r} in partition {by_count[str(count)]} of {count}, as by Java's client",
                got=f"partition {got.get(key)}",
                perhaps=CRC32,
            )


@pytest.mark.promise("A1.4")
def test_another_process_places_alike(topics, producer, answers):
    """Two processes with different hash seeds send the same keys by key_hash, the default strategy."""
    first, second = topics.new(7, 7)
    messages = [Message(key=key, sequence=number) for number, key in enumerate(JAVA)]
    sent(producer(topic=first), messages)
    sent(answers.another_process().producers.create_producer(topic=second), messages)
    expect.equal(
        places(topics, first),
        places(topics, second),
        perhaps="hash() of a text is another in each process",
    )


@pytest.mark.promise("A1.5", "A1.8")
@pytest.mark.parametrize("count", [1, 3, 5])
def test_round_robin_goes_around(topics, producer, count):
    """Messages of one key and of many are sent by round_robin to 1, 3 or 5 partitions."""
    one, many = topics.new(count, count)
    number = 4 * count + 1
    sent(producer("round_robin", topic=one), of_one_key(number))
    sent(producer("round_robin", topic=many), [Message(key=f"k{n % 4}", sequence=n) for n in range(number)])
    for topic in (one, many):
        got = places(topics, topic)
        expect.equal(number, len(got))
        for start in range(number - count + 1):
            row = got[start : start + count]
            expect(
                len(set(row)) == count,
                expected=f"{count} messages in a row in {count} different partitions",
                got=f"messages {start} to {start + count - 1} in {row}",
            )


@pytest.mark.promise("A1.6", "A1.7", "A1.8")
@pytest.mark.parametrize(("count", "size"), [(1, 3), (2, 10), (5, 4), (3, 1)])
def test_sticky_stays_for_a_run(topics, producer, count, size):
    """Messages are sent by sticky in runs of batch_size, of one key and of many."""
    one, many = topics.new(count, count)
    number = size * 6 + size // 2
    for topic, keys in ((one, 1), (many, 7)):
        messages = [Message(key=f"k{n % keys}", sequence=n) for n in range(number)]
        sent(producer("sticky", topic=topic, batch_size=size), messages)
        stays(places(topics, topic), size, count)


def stays(got, size, count):
    """The partitions *got* are runs of *size*, each elsewhere than the one before it."""
    runs = [got[start : start + size] for start in range(0, len(got), size)]
    for number, run in enumerate(runs):
        expect(
            len(set(run)) == 1,
            expected=f"messages {number * size} to {number * size + len(run) - 1} in one partition",
            got=f"{run}",
        )
    if count > 1:
        for number, (before, after) in enumerate(pairwise(runs), 1):
            expect(
                before[0] != after[0],
                expected=f"run {number}, counted from 0, in another partition than the run before",
                got=f"both in partition {after[0]}",
            )


@pytest.mark.promise("A1.6", "A1.7")
def test_sticky_gets_around(topics, producer):
    """A hundred and twenty runs are sent to 6 partitions; then 250 messages with the default of 100."""
    topic, default = topics.new(6, 6)
    sent(producer("sticky", topic=topic, batch_size=2), of_one_key(240))
    got = places(topics, topic)
    stays(got, 2, 6)
    expect.equal({0, 1, 2, 3, 4, 5}, set(got), perhaps="some partitions never get a run")
    sent(producer("sticky", topic=default), of_one_key(250))
    stays(places(topics, default), 100, 6)


@pytest.mark.promise("A1.9")
@pytest.mark.parametrize(("strategy", "size"), [("round_robin", 1), ("sticky", 3)])
def test_producers_share_no_turn(topics, producer, strategy, size):
    """Two producers send in turn to 4 partitions: the messages of each lie as if it were alone."""
    topic = topics.new(4)
    two = [producer(strategy, topic=topic, batch_size=3) for _ in range(2)]
    for number in range(24):
        for which, one in enumerate(two):
            one.send(Message(key=f"of {which}", sequence=number))
    for one in two:
        one.flush()
        one.close()
    for which in range(2):
        mine = sorted((r.id[1], r.partition) for r in topics.read(topic) if r.id[0] == f"of {which}")
        stays([partition for _, partition in mine], size, 4)
        if strategy == "round_robin":
            expect.equal({0, 1, 2, 3}, {partition for _, partition in mine[:4]})


@pytest.mark.promise("A1.10")
def test_another_strategy_is_refused(topics, producer):
    """create_producer is asked for the strategy "random"."""
    topic = topics.new(1)
    try:
        producer("random", topic=topic)
    except ValueError:
        return
    raise Mistake(checked="", expected="ValueError", got="a producer")
