"""Don't change the tests. A3: a topic is read in the order of each key."""

import pytest

from labs.lab1.messages import Message, Record
from pytest_labkit import expect

pytestmark = pytest.mark.criterion("A3")

MANY = 4000


def stored(topics, topic, placed, transactional_id=None):
    """Have the kit's own client send (partition, key, sequence)s; an id makes every 5 a transaction."""
    from confluent_kafka import Producer

    options = {"linger.ms": 1}
    if transactional_id:
        options["transactional.id"] = transactional_id
    client = Producer(topics.client | options)
    if transactional_id:
        client.init_transactions(30)
        client.begin_transaction()
    for number, (partition, key, sequence) in enumerate(placed, 1):
        value = Message(key=key, sequence=sequence).encoded()
        client.produce(topic, value, key.encode(), partition=partition)
        client.poll(0)
        if transactional_id and number % 5 == 0:
            client.commit_transaction(30)
            client.begin_transaction()
    if transactional_id:
        client.commit_transaction(30)
    client.flush(30)


def of_key(got, key):
    """The sequences of *key*, in the order in which they came."""
    expect(type(got) is list, expected="a list", got=f"a {type(got).__name__}")
    expect(all(type(r) is Record for r in got), expected="records only", got=f"{got[:3]!r}"[:200])
    return [record.sequence for record in got if record.key == key]


@pytest.mark.promise("A3.8")
def test_thousands_of_messages(topics, answers):
    """A thousand messages of each of four keys lie scattered over 3 partitions, some of them twice."""
    topic = topics.new(3)
    placed = [(number % 3, f"k{number % 4}", number // 4) for number in range(MANY)]
    stored(topics, topic, [*placed, *((0, key, sequence) for _, key, sequence in placed[::50])])
    got = answers.ordering.read_in_order(topic)
    for key in range(4):
        expect.equal(list(range(MANY // 4)), of_key(got, f"k{key}"), perhaps="the resequencer held too few")
    expect.equal(MANY, len(got))


@pytest.mark.promise("A3.8")
def test_the_last_comes_first(topics, answers):
    """All of a key lies backwards, one message in each of 6 partitions and then again."""
    topic = topics.new(6)
    stored(topics, topic, [(number % 6, "k", 59 - number) for number in range(60)])
    expect.equal(list(range(60)), of_key(answers.ordering.read_in_order(topic), "k"))


@pytest.mark.promise("A3.8")
def test_offsets_with_holes(topics, answers):
    """Messages were sent in transactions, each of which leaves a hole between the offsets."""
    topic = topics.new(2)
    stored(topics, topic, [(number % 2, "k", number) for number in range(40)], f"id of {topic}")
    expect.equal(list(range(40)), of_key(answers.ordering.read_in_order(topic), "k"))


@pytest.mark.promise("A3.9")
def test_what_is_behind_a_gap_comes_too(topics, answers):
    """Of two keys a message was never sent, of one of them the first."""
    topic = topics.new(3)
    placed = [(number % 3, "a", number) for number in range(30) if number != 7]
    placed += [(number % 3, "b", number) for number in reversed(range(1, 30))]
    stored(topics, topic, placed)
    got = answers.ordering.read_in_order(topic)
    expect.equal([n for n in range(30) if n != 7], of_key(got, "a"))
    expect.equal(list(range(1, 30)), of_key(got, "b"))


@pytest.mark.promise("A3.10")
def test_the_analysis_reads_the_topic(topics, answers, labkit_environ):
    """analyze_message_order is called without an argument, after 90 messages of three keys were sent."""
    topic = topics.new(3)
    labkit_environ["KAFKA_TOPIC"] = topic
    stored(topics, topic, [(number % 3, f"k{number % 3}", number // 3) for number in range(90)])
    got = answers.ordering.analyze_message_order()
    expect.equal((90, [], [], []), (got.messages, got.gaps, got.duplicates, got.inversions))
    expect.equal({"k0": True, "k1": True, "k2": True}, got.keys_in_order)
