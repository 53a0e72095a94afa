"""Don't change the tests. B2: at least once: a crash repeats, and never loses."""

import time

import pytest

from labs.lab1.checks.delivering import (
    CONFIG,
    NEW_PROTOCOL,
    HandlerFailed,
    Lives,
    first_taken,
    raised,
    read_on,
    side_by_side,
    take,
)
from pytest_labkit import expect

pytestmark = pytest.mark.criterion("B2")

STEPS = 8  # at each of which a life ends
ASLEEP = 4
MANY = 1_000
LONGEST_S = 30.0  # for so many; a good answer takes a second, and one that commits each of them some more
EARLY = "the place behind a payment is committed before the payment has been handled"
SKIPS = "the place to commit is that of the next record: the last one's offset plus 1"


@pytest.fixture
def make(topic):
    """Makes an AtLeastOnceConsumer of the topic, in a process."""

    def made(process, handle, config=CONFIG):
        return process.delivery.AtLeastOnceConsumer(topic.name, topic.group, handle, config)

    return made


@pytest.fixture
def lives(answers, topic, make):
    """Its lives."""
    return Lives(answers, topic, make)


@pytest.mark.promise("B2.1", "B2.2", "B2.10")
@pytest.mark.parametrize("config", [CONFIG, NEW_PROTOCOL], ids=["as the checks", "group.protocol=consumer"])
def test_without_a_crash(answers, topic, make, witness, config):
    """A new group reads a topic from its start; closed and opened again, it goes on where it was."""
    topic.send(30)
    first = make(answers, witness.handler(), config)
    take(first, 30, limit=7)
    first.close()
    topic.send(10)
    second = make(answers, witness.handler(), config)
    take(second, 10)
    expect.equal(0, second.run_once(0.1, 10))
    second.close()
    witness.never_loses(SKIPS)
    witness.never_repeats(SKIPS)


@pytest.mark.promise("B2.3")
def test_killed_at_every_step(topic, lives, witness):
    """The consumer is killed (SIGKILL) before each thing that it does; in the end nothing is missing."""
    for step in range(1, STEPS + 1):
        topic.send(3)
        lives.killed_at(step, witness.handler())
    topic.send(3)
    lives.to_the_end(witness.handler())
    witness.never_loses(EARLY)


@pytest.mark.promise("B2.4")
def test_killed_after_run_once(topic, lives, witness):
    """The consumer is killed right after run_once; what that has handled is not handled again."""
    for _ in range(3):
        topic.send(5, partition=0)
        lives.once(witness.handler())
    topic.send(1, partition=0)
    lives.to_the_end(witness.handler())
    witness.never_loses(EARLY)
    witness.never_repeats("run_once returns before all that it has handled is committed")


@pytest.mark.promise("B2.5")
def test_a_handler_raises(answers, topic, make, witness):
    """A handler raises in the middle of a batch; run_once raises it, and that payment comes again."""
    for again in ("the same consumer", "the next one"):
        payments = topic.send(5, partition=0)
        consumer = make(answers, witness.handler(fails_at=payments[2].payment_id))
        raised(lambda c=consumer: take(c, 5), HandlerFailed, when="as the handler did")
        before = witness.handled.count(payments[2].payment_id)
        if again == "the next one":
            consumer.close()
            consumer = make(answers, witness.handler())
        first_taken(consumer)
        expect(
            witness.handled.count(payments[2].payment_id) > before,
            expected=f"{payments[2].payment_id}, whose handler had raised, to be handled again by {again}",
            got=f"handled: {', '.join(witness.handled[-6:])}",
            perhaps="the consumer's own position is behind what it has fetched: seek back to what failed",
        )
        read_on(consumer, topic)
        consumer.close()
    witness.never_loses(EARLY)


@pytest.mark.promise("B2.6")
def test_what_is_no_record(answers, topic, make, witness):
    """The ends of partitions are told of, offsets have holes, and aborted records are not there."""
    topic.send(4)
    topic.send_aborted(3, partition=0)
    topic.send(4)
    topic.send_aborted(3, partition=1)
    for more in (8, 2):
        consumer = make(answers, witness.handler(), CONFIG | {"enable.partition.eof": "true"})
        take(consumer, more)
        expect.equal(0, consumer.run_once(0.3, 10))
        consumer.close()
        if more == 8:
            topic.send(2)
    witness.never_loses("offsets need not be consecutive: a transaction's end has one too")
    witness.never_repeats("a record of an aborted transaction was handled, or one record twice")


@pytest.mark.promise("B2.7")
def test_a_thousand_in_time(answers, topic, make, witness):
    """1,000 payments are waiting."""
    topic.send(MANY)
    consumer = make(answers, witness.handler())
    until = time.monotonic() + LONGEST_S
    while len(witness.handled) < MANY and time.monotonic() < until:
        first_taken(consumer)
    expect(
        len(witness.handled) >= MANY,
        expected=f"{MANY} payments, which wait already, to be handled within {LONGEST_S:g} s",
        got=f"{len(witness.handled)}",
        perhaps="run_once waits for more though it has something, or does too much for each record",
    )
    consumer.close()
    witness.never_loses(EARLY)


@pytest.mark.promise("B2.8")
def test_poison(answers, cluster, topic, make, witness):
    """Records come that hold no payment: each goes to the dead letter topic, and the next is handled."""
    dead = f"{topic.name}.dlq"
    cluster.new_topic(dead, 1)
    poison = [
        {"key": b"ada", "value": b"{not json", "headers": [("trace", b"t-1"), ("trace", b"t-2")]},
        {"key": None, "value": b'{"payment_id": "x"}', "headers": []},
        {"key": b"\xff\x00", "value": b"\xff\xfe", "headers": [("trace", None)]},
        {"key": b"bob", "value": None, "headers": []},
    ]
    for record in poison:
        topic.send(1, partition=0)
        topic.send_raw(partition=0, **record)
    topic.send(2, partition=0)
    consumer = make(answers, witness.handler())
    take(consumer, 10)
    consumer.close()
    witness.never_loses("a record that cannot be decoded keeps back all that come after it")
    found = cluster.records(dead, 1)
    expect.equal(
        len(poison), len(found), perhaps="every such record, and no other, goes to the topic NAME.dlq"
    )
    for sent, got in zip(poison, found, strict=True):
        headers = got.headers() or []
        expect.equal((sent["key"], sent["value"]), (got.key(), got.value()))
        kept = [pair for pair in headers if pair[0] != "reason"]
        expect.equal(sent["headers"], kept, perhaps="a dead letter keeps the headers of the record")
        reasons = [value for name, value in headers if name == "reason"]
        expect(
            len(reasons) == 1 and bool(reasons[0]),
            expected="one header reason that says in words why it is there",
            got=f"{headers}",
        )


@pytest.mark.promise("B2.8")
def test_killed_with_poison(cluster, topic, lives, witness):
    """The consumer is killed at every step while it sets a record aside; the dead letter is there."""
    dead = f"{topic.name}.dlq"
    cluster.new_topic(dead, 1)
    values = [f"poison {number}".encode() for number in range(5)]
    for step, value in enumerate(values, 1):
        topic.send_raw(partition=0, key=b"ada", value=value)
        lives.killed_at(step, witness.handler())
    topic.send(1, partition=0)
    lives.to_the_end(witness.handler())
    found = {record.value() for record in cluster.records(dead, 1)}
    missing = [value.decode() for value in values if value not in found]
    expect(
        not missing,
        expected=f"each of {len(values)} dead letters at least once",
        got=f"missing: {missing}",
        perhaps="the place behind a record is committed before its dead letter is acknowledged",
    )


@pytest.mark.promise("B2.3", "B2.9")
def test_asleep_for_long(topic, lives, witness):
    """A consumer is stopped until the group has given its partitions away; then it wakes up."""
    for step in range(1, ASLEEP + 1):
        topic.send(3)
        other = witness.handler()
        lives.asleep_at(step, lambda _name, o=other: lives.to_the_end(o), witness.handler())
    topic.send(3)
    lives.to_the_end(witness.handler())
    witness.never_loses(EARLY)


@pytest.mark.promise("B2.3", "B2.9")
@pytest.mark.parametrize("config", [CONFIG, NEW_PROTOCOL], ids=["as the checks", "group.protocol=consumer"])
def test_another_joins(answers, topic, make, witness, config):
    """Two more consumers join the group in the middle of 300 payments."""
    topic.send(300)
    makers = [lambda process: make(process, witness.handler(slow_s=0.001), config)] * 3
    side_by_side(answers, topic, makers)
    witness.never_loses(EARLY)
