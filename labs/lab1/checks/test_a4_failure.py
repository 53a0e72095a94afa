"""Don't change the tests. A4: no acknowledged message is lost, none is stored twice."""

import threading
import time
from itertools import pairwise

import pytest

from labs.lab1.checks.scenarios import met
from labs.lab1.messages import Message
from pytest_labkit import Mistake, expect

pytestmark = pytest.mark.criterion("A4")

TIMEOUT_S = 2.0
MORE_S = 3.0
PATIENT_S = 100.0  # a broker that was killed is back within this, on a busy machine too
KEYS = 5
TWICE = "a batch whose acknowledgement was lost is sent again: without idempotence it is stored twice"


def some(count, *, start=0, text=""):
    """*count* messages of five keys; *start* is the number of the first."""
    return [
        Message(key=f"k{number % KEYS}", sequence=number // KEYS, text=text)
        for number in range(start, start + count)
    ]


def send(producer, messages):
    """Send *messages*."""
    for message in messages:
        producer.send(message)


def ids(messages):
    """Key and sequence of each."""
    return [(message.key, message.sequence) for message in messages]


def settled(producer, delivered, failed=()):
    """Each message is in one list, once and as it was sent."""
    for name, expected in (("delivered", delivered), ("failed", failed)):
        got = getattr(producer, name)
        if type(got) is not list or any(type(message) is not Message for message in got):
            raise Mistake(checked="", expected=f"{name} to be a list of messages", got=f"{got!r}"[:200])
        missing = [message for message in expected if message not in got]
        more = len(got) - len(expected)
        expect(
            not missing and not more,
            expected=f"{len(expected)} messages in {name}",
            got=f"{len(got)}, without {ids(missing)[:3]}" if missing else f"{len(got)}",
        )


def lie_once_and_in_order(topics, topic, messages):
    """The topic has all *messages*, each once, in each partition as they were sent."""
    place = {id_: number for number, id_ in enumerate(ids(messages))}
    stored = topics.read(topic)
    missing = place.keys() - {record.id for record in stored}
    expect(not missing, expected=f"all {len(place)} messages in the topic", got=f"not {sorted(missing)[:3]}")
    expect.equal(len(place), len(stored), perhaps=TWICE)
    for partition in {record.partition for record in stored}:
        got = [place[record.id] for record in stored if record.partition == partition]
        wrong = [later for earlier, later in pairwise(got) if later < earlier]
        expect(
            not wrong,
            expected=f"the messages in partition {partition} as they were sent",
            got=f"number {wrong[:1]} behind a later one",
            perhaps="several requests are under way, and the first of them had to be sent again",
        )


def within(limit_s, call):
    """*call* ends within *limit_s* seconds; what it gave."""
    start = time.monotonic()
    got = call()
    took = time.monotonic() - start
    expect(took <= limit_s, expected=f"to end within {limit_s:g} s", got=f"it took {took:.1f} s")
    return got


@pytest.mark.promise("A4.1", "A4.2")
@pytest.mark.parametrize("strategy", ["round_robin", "key_hash", "sticky"])
def test_what_is_delivered_is_there(topics, producer, strategy):
    """Five hundred messages are sent, and nothing breaks."""
    topic, messages = topics.new(3), some(500, text="né")
    one = producer(strategy, topic=topic)
    send(one, messages)
    one.flush()
    settled(one, messages)
    lie_once_and_in_order(topics, topic, messages)
    one.close()


@pytest.mark.promise("A4.7")
def test_send_does_not_wait(topics, producer, faults):
    """Two hundred messages are sent and flushed over a link that is 50 ms late in each direction."""
    topic, messages = topics.new(3), some(200)
    one = producer("key_hash", topic=topic)
    with faults.kafka.latency(0.05):
        within(5.0, lambda: [send(one, messages), one.flush()])
    settled(one, messages)


@pytest.mark.promise("A4.2")
def test_what_is_not_acknowledged_is_not_delivered(topics, answers, faults):
    """The producer's process is killed while acknowledgements are on their way."""
    topic, messages = topics.new(3), some(300)
    process = answers.another_process()
    one = process.producers.create_producer("key_hash", topic=topic)
    send(one, messages[:100])
    one.flush()
    with faults.kafka.latency(0.2):
        send(one, messages[100:])
        told = ids(one.delivered)
        process.kill()
    expect(set(ids(messages[:100])) <= set(told), expected="100 delivered after flush", got=f"{len(told)}")
    stored = [record.id for record in topics.read(topic)]
    missing = [id_ for id_ in told if id_ not in stored]
    expect(
        not missing,
        expected="every message in delivered to be in the topic",
        got=f"{missing[0] if missing else ''} and {len(missing) - 1} more are not",
        perhaps="a message is delivered when the broker has said so, not when it was handed to the client",
    )


@pytest.mark.promise("A4.3", "A4.4")
@pytest.mark.parametrize("strategy", ["round_robin", "key_hash", "sticky"])
def test_acknowledgements_are_lost(topics, producer, faults, strategy):
    """The broker stores batches, and the connection breaks before it can say so."""
    topic, messages = topics.new(3), some(240)
    one = producer(strategy, topic=topic, batch_size=20, delivery_timeout_s=PATIENT_S)
    with faults.kafka.lose_reply(times=5) as fault:
        for start in range(0, 240, 40):
            send(one, messages[start : start + 40])
            one.flush()
        met(fault, faults)
    settled(one, messages)
    lie_once_and_in_order(topics, topic, messages)


@pytest.mark.promise("A4.3", "A4.4")
def test_the_link_is_reset(topics, producer, faults):
    """Connections are reset again and again while messages are on their way."""
    topic, messages = topics.new(3), some(240)
    one = producer("key_hash", topic=topic, delivery_timeout_s=PATIENT_S)
    for start in range(0, 240, 80):
        send(one, messages[start : start + 20])
        with faults.kafka.reset_peer() as fault:
            send(one, messages[start + 20 : start + 80])
            expect.eventually(True, lambda: fault.fired > 1)
    one.flush()
    settled(one, messages)
    lie_once_and_in_order(topics, topic, messages)


@pytest.mark.promise("A4.3", "A4.4")
def test_the_broker_is_killed(topics, producer, faults):
    """The broker is killed while messages are on their way, and started again."""
    topic, messages = topics.new(3), some(230)
    one = producer("key_hash", topic=topic, delivery_timeout_s=PATIENT_S)
    send(one, messages[:100])
    one.flush()
    send(one, messages[100:150])
    with faults.kafka.killed():
        send(one, messages[150:180])
    send(one, messages[180:])
    one.flush()
    settled(one, messages)
    lie_once_and_in_order(topics, topic, messages)


@pytest.mark.promise("A4.1", "A4.5")
def test_a_message_is_too_large(topics, producer):
    """Between small messages, each flushed, is one of 2 MB, more than the client sends."""
    topic, (before, large, behind) = topics.new(1), some(3)
    large = Message(key=large.key, sequence=large.sequence, text="x" * 2_000_000)
    one = producer("round_robin", topic=topic)
    for message in (before, large, behind):
        one.send(message)
        one.flush()
    settled(one, [before, behind], [large])
    lie_once_and_in_order(topics, topic, [before, behind])


@pytest.mark.promise("A4.1", "A4.6")
def test_the_topic_refuses_a_message(topics, producer):
    """Between small messages, each flushed, is one of 50 kB; the topic takes 20 kB."""
    topic, (before, large, behind) = topics.new(1, max_message_bytes="20000"), some(3)
    large = Message(key=large.key, sequence=large.sequence, text="x" * 50_000)
    one = producer("key_hash", topic=topic)
    for message in (before, large, behind):
        one.send(message)
        one.flush()
    settled(one, [before, behind], [large])
    lie_once_and_in_order(topics, topic, [before, behind])


@pytest.mark.promise("A4.8")
def test_the_queue_is_full(topics, producer, faults):
    """Twenty may wait, and the broker says nothing for a second, while sixty are sent."""
    topic, messages = topics.new(2), some(61)
    one = producer("round_robin", topic=topic, max_in_queue=20)
    one.send(messages[0])
    one.flush()
    sent = []
    problems = []

    def sends():
        try:
            for message in messages[1:]:
                one.send(message)
                sent.append(message)
        except Exception as error:
            problems.append(error)

    with faults.kafka.stall():
        thread = threading.Thread(target=sends, daemon=True)
        thread.start()
        thread.join(1.0)
        waiting = len(sent)
    thread.join(30.0)
    for problem in problems:
        raise problem
    expect(waiting <= 20, expected="no more than 20 sends to return meanwhile", got=f"{waiting}")
    one.flush()
    settled(one, messages)
    lie_once_and_in_order(topics, topic, messages)


@pytest.mark.promise("A4.9")
def test_the_broker_is_away(topics, producer, faults):
    """The broker refuses connections for longer than delivery_timeout_s, and comes back."""
    topic, messages = topics.new(2), some(40)
    one = producer("key_hash", topic=topic, delivery_timeout_s=TIMEOUT_S)
    other = producer("sticky", topic=topic, delivery_timeout_s=TIMEOUT_S, max_in_queue=5)
    for each, message in ((one, messages[0]), (other, messages[1])):
        each.send(message)
        each.flush()
    with faults.kafka.refuse():
        for message in messages[2:30]:
            within(TIMEOUT_S + MORE_S, lambda m=message: one.send(m))
        within(TIMEOUT_S + MORE_S, one.flush)
        for message in messages[30:]:
            within(TIMEOUT_S + MORE_S, lambda m=message: other.send(m))
        within(TIMEOUT_S + MORE_S, other.close)
    settled(one, messages[:1], messages[2:30])
    settled(other, messages[1:2], messages[30:])
    goes_on(one)


def goes_on(one):
    """The producer delivers again: not each message at once, for its client has to find the broker."""
    before = len(one.delivered)
    numbers = iter(some(10_000, start=1000))

    def tries():
        one.send(next(numbers))
        one.flush()
        return len(one.delivered) > before

    expect.eventually(True, tries, within_s=20, perhaps="what timed out has made the producer unusable")


@pytest.mark.promise("A4.10")
def test_the_topic_is_not_there(topics, producer):
    """Three messages are sent to a topic that nobody has made."""
    topic, messages = f"{topics.new(1)}-not", some(3)
    topics.forget(topic)
    one = []

    def all_of_it():
        one.append(producer("key_hash", topic=topic, delivery_timeout_s=TIMEOUT_S))
        send(one[0], messages)
        one[0].flush()

    within(TIMEOUT_S + MORE_S, all_of_it)
    settled(one[0], [], messages)
    made = "it is there now: Kafka makes a topic that a client asks for"
    expect(not topics.are_there(topic), expected="no topic of that name", got=made)


@pytest.mark.promise("A4.11")
def test_close_flushes(topics, producer, faults):
    """A producer over a slow link is closed right after it has sent, and closed once more."""
    topic, messages = topics.new(3), some(100)
    one = producer("sticky", topic=topic, batch_size=10)
    with faults.kafka.latency(0.05):
        send(one, messages)
        one.close()
        settled(one, messages)
        one.close()
    settled(one, messages)
    lie_once_and_in_order(topics, topic, messages)
