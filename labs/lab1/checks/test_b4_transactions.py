"""Don't change the tests. B4: consume, transform and produce are one transaction."""

from collections import Counter

import pytest

from labs.lab1.checks.delivering import (
    CONFIG,
    NEW_PROTOCOL,
    HandlerFailed,
    Lives,
    first_taken,
    is_read,
    raised,
    read_on,
    side_by_side,
    take,
)
from labs.lab1.payments import Payment
from pytest_labkit import expect

pytestmark = pytest.mark.criterion("B4")

STEPS = 9  # at each of which a life ends
ASLEEP = 7
OTHER = 5
PARTITIONS = 3
TORN = "what a payment becomes is sent in a transaction, and its place in the source committed apart from it"
ZOMBIE = "the one that slept is not fenced: give every life the transactional.id that it was given"


class Target:
    """Where the outputs go: for each payment a debit and a credit, each in a partition of its own."""

    def __init__(self, cluster, source):
        self._cluster, self._source = cluster, source
        self.topic = cluster.topic(PARTITIONS, "postings").name

    def halves(self, payment):
        """The transform: the amount leaves the bank's account and comes to the payment's."""
        return [
            Payment(payment_id=f"{payment.payment_id} debit", account="bank", amount=-payment.amount),
            Payment(
                payment_id=f"{payment.payment_id} credit", account=payment.account, amount=payment.amount
            ),
        ]

    def seen(self, isolation="read_committed"):
        """How often each output is in the topic, for a reader with that isolation."""
        records = self._cluster.records(self.topic, PARTITIONS, isolation)
        return Counter(Payment.decoded(record.value()) for record in records), records

    def is_whole(self, perhaps):
        """Of no payment there is one half without the other, and nothing is there twice."""
        seen, _ = self.seen()
        for payment in self._source.sent:
            debit, credit = (seen[half] for half in self.halves(payment))
            expect(
                debit == credit <= 1,
                expected=f"debit and credit of {payment.payment_id} once or not at all for read_committed",
                got=f"{debit} debits and {credit} credits",
                perhaps=perhaps,
            )

    def is_right(self, perhaps):
        """Every payment has become its outputs, once, and there is nothing else."""
        seen, _ = self.seen()
        wanted = Counter(half for payment in self._source.sent for half in self.halves(payment))
        missing, extra = wanted - seen, seen - wanted
        expect(
            seen == wanted,
            expected=f"the {sum(wanted.values())} outputs of {len(self._source.sent)} payments, each once",
            got=f"missing {_named(missing)}; too many {_named(extra)}",
            perhaps=perhaps,
        )


def _named(outputs):
    return ", ".join(payment.payment_id for payment in list(outputs)[:3]) or "none"


@pytest.fixture
def target(cluster, topic):
    """An empty target topic."""
    return Target(cluster, topic)


@pytest.fixture
def make(topic, target):
    """Makes a TransactionalProcessor, in a process."""

    def made(process, transform=target.halves, config=CONFIG, name="the one"):
        return process.delivery.TransactionalProcessor(
            topic.name, target.topic, topic.group, f"{topic.name} {name}", transform, config
        )

    return made


@pytest.fixture
def lives(answers, topic, make, target):
    """Its lives."""
    return Lives(
        answers, topic, lambda process, handle: make(process, target.halves if handle is None else handle)
    )


@pytest.mark.promise("B4.1", "B4.2")
def test_without_a_crash(answers, topic, make, target):
    """Payments become a debit and a credit each, with the account as key; the next process goes on."""
    topic.send(30)
    first = make(answers)
    take(first, 30, limit=7)
    first.close()
    topic.send(10)
    second = make(answers)
    take(second, 10)
    expect.equal(0, second.run_once(0.1, 10))
    second.close()
    is_read(topic)
    target.is_right("a payment was left out or taken twice")
    _, records = target.seen()
    keys = {record.key() == Payment.decoded(record.value()).account.encode() for record in records}
    expect.equal({True}, keys, perhaps="the key of an output is its account")


@pytest.mark.promise("B4.3")
def test_killed_at_every_step(topic, lives, target):
    """The processor is killed (SIGKILL) before each thing that it does; no output is lost or doubled."""
    for step in range(1, STEPS + 1):
        topic.send(1)
        lives.killed_at(step, target.halves)
        target.is_whole(TORN)
    topic.send(3)
    lives.to_the_end()
    target.is_right(TORN)


@pytest.mark.promise("B4.4")
def test_a_transform_raises(answers, topic, make, target):
    """A transform raises in the middle of a batch: nothing of it is ever seen, and the batch comes again."""
    payments = topic.send(5, partition=0)
    left = [payments[2].payment_id]

    def transform(payment):
        if payment.payment_id in left:
            left.clear()
            raise HandlerFailed(payment.payment_id)
        return target.halves(payment)

    consumer = make(answers, transform)
    raised(lambda: take(consumer, 5), HandlerFailed, when="as the transform did")
    target.is_whole("what was sent before the failure is left in a transaction that is committed later")
    read_on(consumer, topic)
    consumer.close()
    target.is_right("after an abort the consumer's own position is behind what it has fetched: seek back")


@pytest.mark.promise("B4.5")
def test_asleep_for_long(topic, lives, target):
    """A processor is stopped at each step, another one of the same id takes over; then the first wakes up."""
    for step in range(1, ASLEEP + 1):
        topic.send(1)
        if lives.asleep_at(step, lambda _name: lives.to_the_end(), target.halves) is None:
            break
        target.is_whole(ZOMBIE)
    topic.send(3)
    lives.to_the_end()
    target.is_right(ZOMBIE)


@pytest.mark.promise("B4.7")
def test_asleep_while_another_id_works(answers, topic, make, target):
    """
    A processor is stopped, and one with another id takes its partitions over; then the first wakes up.

    Once its offsets are in its transaction, nobody can go on before that is over: there it is not stopped.
    """
    first, second = (
        Lives(
            answers,
            topic,
            lambda process, handle, n=name: make(
                process, target.halves if handle is None else handle, name=n
            ),
        )
        for name in ("first", "second")
    )
    for step in range(1, OTHER + 1):
        topic.send(1)
        first.asleep_at(
            step,
            lambda name: None if name == "commit_transaction" else second.to_the_end(),
            target.halves,
        )
        target.is_whole(
            "the group's generation is no part of the transaction: hand over consumer_group_metadata"
        )
    topic.send(1)
    first.to_the_end()
    target.is_right("the group's generation is no part of the transaction: hand over consumer_group_metadata")


@pytest.mark.promise("B4.6")
def test_the_source_has_aborted_records(topic, lives, target):
    """The source has records of transactions that were aborted."""
    topic.send(4)
    topic.send_aborted(3, partition=0)
    topic.send(4)
    topic.send_aborted(3, partition=1)
    lives.to_the_end()
    topic.send(2)
    lives.to_the_end()
    target.is_right("the source is to be read with isolation.level=read_committed")


@pytest.mark.promise("B4.7")
@pytest.mark.parametrize("config", [CONFIG, NEW_PROTOCOL], ids=["as the checks", "group.protocol=consumer"])
def test_two_side_by_side(answers, topic, make, target, config):
    """Two processors, each with an id of its own, share a group; the second joins in the middle."""
    topic.send(200)
    makers = [lambda process, n=n: make(process, config=config, name=n) for n in ("one", "two")]
    side_by_side(answers, topic, makers, limit=10)
    target.is_right("the group's generation is no part of the transaction: hand over consumer_group_metadata")


@pytest.mark.promise("B4.8")
def test_it_is_a_transaction(answers, topic, make, target):
    """A transform raises twice for one payment: nothing of that transaction is seen or committed."""
    payments = topic.send(2, partition=0)
    left = [payments[1].payment_id]

    def transform(payment):
        if payment.payment_id in left:
            raise HandlerFailed(payment.payment_id)
        return target.halves(payment)

    consumer = make(answers, transform)
    for _ in range(2):
        raised(lambda: first_taken(consumer), HandlerFailed, when="as the transform did")
        target.is_whole("outputs are sent before it is certain that all of the batch will be")
    seen, _ = target.seen()
    expect.equal(
        len(seen) // 2,
        topic.committed().get(0, 0),
        perhaps="the place in the source is committed outside the transaction",
    )
    left.clear()
    read_on(consumer, topic)
    consumer.close()
    target.is_right("after an abort the consumer's own position is behind what it has fetched: seek back")
