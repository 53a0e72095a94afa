"""Don't change the tests. B1: at most once: a crash loses, and never repeats."""

import pytest

from labs.lab1.checks.delivering import (
    CONFIG,
    LIMIT,
    NEW_PROTOCOL,
    HandlerFailed,
    Lives,
    first_taken,
    raised,
    side_by_side,
    take,
)
from pytest_labkit import expect

pytestmark = pytest.mark.criterion("B1")

STEPS = 8  # at each of which a life ends
ASLEEP = 4
LATE = "a payment is handled before the place behind it is committed, or although that has failed"
SKIPS = "the place to commit is that of the next record: the last one's offset plus 1"


@pytest.fixture
def make(topic):
    """Makes an AtMostOnceConsumer of the topic, in a process."""

    def made(process, handle, config=CONFIG):
        return process.delivery.AtMostOnceConsumer(topic.name, topic.group, handle, config)

    return made


@pytest.fixture
def lives(answers, topic, make):
    """Its lives."""
    return Lives(answers, topic, make)


@pytest.mark.promise("B1.1", "B1.2", "B1.5")
def test_without_a_crash(answers, topic, make, witness):
    """A new group reads a topic from its start; closed and opened again, it goes on where it was."""
    topic.send(30)
    first = make(answers, witness.handler())
    take(first, 30, limit=7)
    first.close()
    topic.send(10)
    second = make(answers, witness.handler())
    take(second, 10)
    expect.equal(0, second.run_once(0.1, 10))
    second.close()
    witness.never_repeats(SKIPS)
    witness.never_loses(SKIPS)


@pytest.mark.promise("B1.3")
def test_killed_at_every_step(topic, lives, witness):
    """The consumer is killed (SIGKILL) before each thing that it does; none of its lives repeats anything."""
    names = []
    for step in range(1, STEPS + 1):
        topic.send(3)
        names.append(lives.killed_at(step, witness.handler()))
        witness.never_repeats(LATE)
    topic.send(3)
    lives.to_the_end(witness.handler())
    witness.never_repeats(LATE)
    kills = sum(name is not None for name in names)
    expect(
        len(witness.missing) <= kills * LIMIT,
        expected=f"each of {kills} crashes to lose {LIMIT} payments at most, what one run_once takes",
        got=f"{len(witness.missing)} payments were never handled",
        perhaps="more is committed than this run_once has taken",
    )


@pytest.mark.promise("B1.4")
def test_a_handler_raises(answers, topic, make, witness):
    """A handler raises; run_once raises it, and that payment is not handled again."""
    payments = topic.send(3, partition=0)
    consumer = make(answers, witness.handler(fails_at=payments[0].payment_id))
    raised(lambda: first_taken(consumer, 1), HandlerFailed, when="as the handler did")
    take(consumer, 2)
    consumer.close()
    topic.send(2)
    second = make(answers, witness.handler())
    take(second, 2)
    second.close()
    witness.never_repeats("what failed is tried again")
    witness.never_loses("with limit=1 nothing but that payment was taken")


@pytest.mark.promise("B1.3", "B1.6")
def test_asleep_for_long(topic, lives, witness):
    """A consumer is stopped until the group has given its partitions away; then it wakes up."""
    for step in range(1, ASLEEP + 1):
        topic.send(3)
        other = witness.handler()
        lives.asleep_at(step, lambda _name, o=other: lives.to_the_end(o), witness.handler())
        witness.never_repeats("a commit that was refused is not the end of run_once")


@pytest.mark.promise("B1.3", "B1.6")
@pytest.mark.parametrize("config", [CONFIG, NEW_PROTOCOL], ids=["as the checks", "group.protocol=consumer"])
def test_another_joins(answers, topic, make, witness, config):
    """Two more consumers join the group in the middle of 300 payments."""
    topic.send(300)
    makers = [lambda process: make(process, witness.handler(slow_s=0.001), config)] * 3
    side_by_side(answers, topic, makers)
    witness.never_repeats(LATE)
