"""Don't change the tests. B3: working idempotency: each effect exactly once, whatever breaks."""

import pytest

from labs.lab1.checks.delivering import (
    CONFIG,
    NEW_PROTOCOL,
    Lives,
    first_taken,
    is_read,
    raised,
    read_on,
    side_by_side,
    take,
)
from labs.lab1.checks.ledgers import HOUR_S, WEEK_S
from labs.lab1.payments import StateLost
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by

pytestmark = pytest.mark.criterion("B3")

STEPS = 10  # at each of which a life ends
ASLEEP = 8
MANY = 500
MOST_KEYS, MOST_BYTES = 100, 100_000  # kept beside the balances, however many payments there were
TWICE = "the effect and the mark that it has been made are not written at a stroke"
RACE = "whether a payment is new is looked up first, and it is applied when another has done so"
FORGOT = "a Redis that has lost everything is taken for one that has seen no payment yet"


@pytest.fixture
def make(topic):
    """Makes an IdempotentConsumer of the topic, in a process."""

    def made(process, _handle=None, config=CONFIG):
        return process.delivery.IdempotentConsumer(topic.name, topic.group, config)

    return made


@pytest.fixture
def lives(ledger, answers, topic, make):
    """Its lives."""
    return Lives(answers, topic, make)


@pytest.mark.promise("B3.1", "B3.2")
def test_without_a_crash(ledger, answers, topic, make):
    """Payments of two partitions, some of them negative, are added to their accounts."""
    topic.send(60)
    first = make(answers)
    take(first, 60, limit=7)
    first.close()
    topic.send(20)
    second = make(answers)
    take(second, 20)
    expect.equal(0, second.run_once(0.1, 10))
    second.close()
    is_read(topic)
    ledger.is_right(topic, perhaps="HINCRBY balances ACCOUNT AMOUNT, for each payment")


@pytest.mark.promise("B3.3")
def test_killed_at_every_step(ledger, topic, lives):
    """The consumer is killed (SIGKILL) before each thing that it does, in Kafka and in Redis."""
    for step in range(1, STEPS + 1):
        topic.send(3)
        lives.killed_at(step)
    topic.send(3)
    lives.to_the_end()
    ledger.is_right(topic, perhaps=TWICE)


@pytest.mark.promise("B3.4")
def test_all_comes_again(ledger, topic, lives):
    """23 hours after, the group is set back, and all payments come again; the next ones count."""
    topic.send(40)
    lives.to_the_end()
    ledger.passes(23 * HOUR_S)
    topic.set_back()
    lives.to_the_end()
    ledger.is_right(topic, perhaps="what has been counted is forgotten too soon")
    topic.send(10)
    lives.to_the_end()
    ledger.is_right(topic, perhaps="what has been counted is forgotten too soon")


@pytest.mark.promise("B3.5")
def test_asleep_for_long(ledger, topic, lives):
    """A consumer is stopped at each step, another takes over and reads on; then the first wakes up."""
    for step in range(1, ASLEEP + 1):
        topic.send(3)
        if lives.asleep_at(step, lambda _name: lives.to_the_end()) is None:
            break
    topic.send(3)
    lives.to_the_end()
    ledger.is_right(topic, perhaps=RACE)


@pytest.mark.promise("B3.5")
@pytest.mark.parametrize("config", [CONFIG, NEW_PROTOCOL], ids=["as the checks", "group.protocol=consumer"])
def test_two_race(ledger, answers, topic, make, config):
    """Two more consumers join the group in the middle of 200 payments."""
    topic.send(200)
    side_by_side(answers, topic, [lambda process: make(process, config=config)] * 3, limit=10)
    ledger.is_right(topic, perhaps=RACE)


@pytest.mark.promise("B3.6")
def test_redis_comes_back_empty(ledger, answers, topic, lives, make):
    """Redis loses everything between two lives; nothing is added and nothing committed any more."""
    topic.send(20)
    lives.to_the_end()
    ledger.is_lost()
    _is_noticed(ledger, answers, topic, make)


@pytest.mark.promise("B3.6")
def test_redis_comes_back_empty_meanwhile(ledger, answers, topic, make):
    """Redis loses everything while a consumer runs."""
    topic.send(20)
    consumer = make(answers)
    take(consumer, 20)
    ledger.is_lost()
    topic.send(3)
    _raises_state_lost(ledger, topic, consumer)
    consumer.close()


@pytest.mark.promise("B3.6")
def test_redis_has_lost_another_partition(ledger, answers, topic, lives, make):
    """Redis loses everything, and the next payment is in a partition that never had one."""
    topic.send(10, partition=0)
    lives.to_the_end()
    ledger.is_lost()
    _is_noticed(ledger, answers, topic, make, partition=1)


def _is_noticed(ledger, answers, topic, make, partition=None):
    topic.send(3, partition=partition)
    for _ in range(2):
        consumer = make(answers)
        _raises_state_lost(ledger, topic, consumer)
        consumer.close()


def _raises_state_lost(ledger, topic, consumer):
    before = topic.committed()
    for _ in range(2):
        error = _error_of(consumer)
        expect(
            type(error) is StateLost,
            expected="run_once to raise StateLost: the group has committed payments that Redis has not",
            got="no exception" if error is None else f"{type(error).__name__}: {str(error)[:150]}",
            perhaps=FORGOT,
        )
    expect.equal({}, ledger.balances(), perhaps="something is written before it is known that all is there")
    expect.equal(before, topic.committed(), perhaps="the payments were committed, and count nowhere")


def _error_of(consumer):
    try:
        first_taken(consumer)
    except StateLost as error:
        return error
    return None


@pytest.mark.promise("B3.7")
def test_what_is_kept_is_bounded(ledger, topic, lives):
    """500 payments are counted, and a week goes by."""
    topic.send(MANY)
    lives.to_the_end()
    ledger.is_right(topic, perhaps=TWICE)
    ledger.passes(WEEK_S)
    keys, size = ledger.kept()
    expect(
        keys <= MOST_KEYS and size <= MOST_BYTES,
        expected=f"at most {MOST_KEYS} keys of {MOST_BYTES:,} bytes in all beside the balances",
        got=f"{keys:,} keys of {size:,} bytes",
        perhaps="a mark for each payment is kept for ever",
    )
    topic.send(20)
    lives.to_the_end()
    ledger.is_right(topic, perhaps="marks that ran out are taken for a loss")


@pytest.mark.promise("B3.8")
def test_holes_are_no_loss(ledger, topic, lives):
    """Offsets have holes: transactions that were aborted, at the start, in the middle and at the end."""
    for _ in range(2):
        for partition in (0, 1):
            topic.send_aborted(2, partition)
        topic.send(8)
        lives.to_the_end()
    topic.send_aborted(2, 0)
    lives.to_the_end()
    topic.send(4)
    lives.to_the_end()
    ledger.is_right(topic, perhaps="a record of an aborted transaction counts, or a hole is waited for")


@pytest.mark.promise("B3.9")
def test_two_topics(ledger, cluster, answers, topic, lives):
    """Payments of two topics, each with a group of its own, are added to the same balances."""
    other = cluster.topic(name="refunds")
    others = Lives(
        answers, other, lambda p, _h: p.delivery.IdempotentConsumer(other.name, other.group, CONFIG)
    )
    topic.send(12)
    other.send(20)
    for one in (lives, others):
        one.to_the_end()
    ledger.is_right(topic, other, perhaps="a partition is known by its number alone, which others have too")


@pytest.mark.promise("B3.10")
def test_redis_is_out_of_reach(ledger, answers, topic, make, faults):
    """Redis cannot be reached for a while, and a reply of it is lost; the same consumer goes on."""
    topic.send(6)
    consumer = make(answers)
    take(consumer, 6)
    topic.send(6)
    with faults.redis.refuse():
        raised(lambda: first_taken(consumer), Exception, when="while Redis cannot be reached")
    take(consumer, 6)
    topic.send(6)
    with faults.redis.limit_data():
        is_taken = raised_by(lambda: first_taken(consumer, 6)) is None
    if not is_taken:
        first_taken(consumer)
    read_on(consumer, topic)
    consumer.close()
    is_read(topic)
    ledger.is_right(topic, perhaps="what was sent again after a lost reply had been applied already")
