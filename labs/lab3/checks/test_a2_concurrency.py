"""Don't change the tests. A2: of those who write at one version, one wins and the others are told."""

import itertools
import threading
from contextlib import ExitStack

import pytest

from labs.lab3.checks.checking import (
    DEADLINE_S,
    at_once,
    conflict,
    in_background,
    is_conflict,
    items,
    join,
    same_events,
    told,
    unchanged,
    until,
)
from labs.lab3.checks.histories import Calls
from labs.lab3.errors import ConcurrencyError
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by
from pytest_labkit.faults.dynamodb import WRITES

pytestmark = pytest.mark.criterion("A2")

WRITERS = 16
RETRY = "a write whose reply is lost is sent again by boto3, and then meets itself: read back whose it is"


@pytest.mark.promise("A2.1", "A2.2", "A2.3", "A2.6")
def test_a_wrong_version_is_refused(store, table):
    """Any expected_version but that of the last event raises ConcurrencyError and writes nothing."""
    events = items(6)
    store.append_events("order-1", 0, events[:3])
    store.append_events("order-1", 3, events[3:5])
    before = table.items()
    for wrong, size in itertools.product((0, 1, 2, 3, 4, 6, 7, 100, -1), (0, 1, 3)):
        batch = items(size, start=10)
        conflict(lambda w=wrong, b=batch: store.append_events("order-1", w, b), "order-1", wrong, 5)
        unchanged(before, table.items())
    store.append_events("order-1", 5, events[5:])
    same_events(events, store.get_events("order-1"))


@pytest.mark.promise("A2.1", "A2.2", "A2.3")
def test_a_store_that_knows_nothing_refuses_too(store, answers, table):
    """A store that has not read the stream refuses a wrong version as well, one beyond the end included."""
    store.append_events("order-1", 0, items(3))
    before = table.items()
    for wrong in (0, 1, 2, 4, 9):
        fresh = answers.event_store.EventStore() if wrong in (1, 4) else store
        conflict(lambda w=wrong, s=fresh: s.append_events("order-1", w, items(2)), "order-1", wrong, 3)
    conflict(lambda: store.append_events("order-2", 1, items(1)), "order-2", 1, 0)
    unchanged(before, table.items())


@pytest.mark.promise("A2.1", "A2.2", "A2.3")
def test_a_store_that_is_behind_refuses_too(store, answers, table):
    """A store that was the last to append refuses its own old version once another store has gone on."""
    store.append_events("order-1", 0, items(3))
    answers.event_store.EventStore().append_events("order-1", 3, items(1, start=4))
    before = table.items()
    conflict(lambda: store.append_events("order-1", 3, items(1)), "order-1", 3, 4)
    unchanged(before, table.items())


@pytest.mark.promise("A2.6")
def test_an_empty_batch_checks_the_version(store, table):
    """An empty list of events raises ConcurrencyError where the version is wrong, and only there."""
    store.append_events("order-1", 0, items(2))
    before = table.items()
    for wrong in (0, 1, 3):
        conflict(lambda wrong=wrong: store.append_events("order-1", wrong, []), "order-1", wrong, 2)
    unchanged(before, table.items())
    store.append_events("order-1", 2, [])


@pytest.mark.promise("A2.3")
def test_the_error_says_what_it_is_about(store):
    """The text of a ConcurrencyError names the version that was expected and the one that there is."""
    store.append_events("order-1", 0, items(17))
    error = raised_by(lambda: store.append_events("order-1", 42, items(1)))
    expect(
        isinstance(error, ConcurrencyError) and "42" in str(error) and "17" in str(error),
        expected="a ConcurrencyError that names 42 and 17",
        got=told(error),
    )


@pytest.mark.promise("A2.9")
def test_the_same_events_a_second_time_are_a_conflict(store, table):
    """The caller appends the very same events at the same version again: that is a conflict."""
    events = items(2)
    store.append_events("order-1", 0, events)
    before = table.items()
    conflict(lambda: store.append_events("order-1", 0, events), "order-1", 0, 2)
    unchanged(before, table.items())
    same_events(events, store.get_events("order-1"))


@pytest.mark.promise("A2.4")
def test_threads_race(answers, table, dynamodb):
    """16 threads append to one stream at one version, again and again, while two read it."""
    calls = Calls()
    with dynamodb.proxied() as proxy:
        store = answers.event_store.EventStore()
        store.append_events("order-0", 0, items(1))
        # botocore makes client.exceptions on first use, which two threads must not be at once.
        conflict(lambda: store.append_events("order-0", 0, items(1)), "order-0", 0, 1)
        done = threading.Event()
        readers = [
            in_background(lambda n=n: calls.keep_reading(f"reader {n}", store, "order-1", done))
            for n in (1, 2)
        ]
        for race in range(3):
            # In the first two races every write is held up, so that all have read before one has written.
            with ExitStack() as faults:
                if race < 2:
                    faults.enter_context(proxy.delay(0.1, WRITES, times=None))
                at = len(store.get_events("order-1"))
                at_once(
                    [
                        lambda w=w, at=at: calls.append(f"thread {w}", store, "order-1", at, items(1 + w % 3))
                        for w in range(WRITERS)
                    ]
                )
        done.set()
        join(readers)
        calls.judge("order-1", store.get_events("order-1"))


@pytest.mark.promise("A2.4")
def test_processes_race(answers, table, dynamodb):
    """Three processes append to one stream at one version: a lock within one process does not help."""
    calls = Calls()
    with dynamodb.proxied() as proxy:
        here = answers.event_store.EventStore()
        here.append_events("order-0", 0, items(1))
        others = at_once([answers.another_process] * 2)
        stores = [here, *(process.event_store.EventStore() for process in others)]
        with proxy.delay(0.05, WRITES, times=None):
            for _ in range(4):
                at = len(here.get_events("order-1"))
                at_once(
                    [
                        lambda n=n, s=s, at=at: calls.append(f"process {n}", s, "order-1", at, items(n + 1))
                        for n, s in enumerate(stores)
                    ]
                )
        calls.judge("order-1", here.get_events("order-1"))


@pytest.mark.promise("A2.5")
def test_streams_do_not_wait_for_each_other(store):
    """32 threads append to 32 streams, twice each: nobody is refused."""
    calls = Calls()

    def write(stream):
        for version in (0, 2):
            calls.append(f"writer of {stream}", store, stream, version, items(2, start=version + 1))

    streams = [f"order-{number}" for number in range(32)]
    store.append_events("order", 0, items(1))
    at_once([lambda s=stream: write(s) for stream in streams])
    for stream in streams:
        calls.judge(stream, store.get_events(stream))


@pytest.mark.promise("A2.7")
@pytest.mark.parametrize("before", [0, 3], ids=["new stream", "grown stream"])
@pytest.mark.parametrize("size", [1, 4], ids=["one event", "a batch"])
def test_a_lost_reply_is_no_conflict(before, size, answers, table, dynamodb):
    """A write gets through and its reply is lost: the call returns, and the batch is stored once."""
    events = items(before + size)
    with dynamodb.proxied() as proxy:
        store = answers.event_store.EventStore()
        if before:
            store.append_events("order-1", 0, events[:before])
        with proxy.lose_reply(WRITES) as lost:
            error = raised_by(lambda: store.append_events("order-1", before, events[before:]))
            expect(lost.fired > 0, expected="a write request", got="none", perhaps="nothing was written")
        expect(error is None, expected="no exception", got=told(error), perhaps=RETRY)
        same_events(events, store.get_events("order-1"), perhaps=RETRY)


@pytest.mark.promise("A2.8")
def test_a_lost_reply_and_somebody_else_goes_on(answers, table, dynamodb):
    """The reply of a write is lost, and before it is tried again, another writer appends behind it."""
    mine, theirs = items(2), items(2, start=3)
    with dynamodb.proxied() as proxy:
        store, other = answers.event_store.EventStore(), answers.event_store.EventStore()
        store.append_events("order-0", 0, items(1))
        with proxy.lose_reply(WRITES) as lost:
            error = _overtaken(
                proxy,
                lost,
                lambda: store.append_events("order-1", 0, mine),
                lambda: other.append_events("order-1", 2, theirs),
            )
        expect(error is None, expected="no exception", got=told(error), perhaps=RETRY)
        same_events(mine + theirs, store.get_events("order-1"), perhaps=RETRY)


@pytest.mark.promise("A2.3", "A2.4")
def test_a_writer_who_is_overtaken_is_told(answers, table, dynamodb):
    """A write does not get through at first, and another writer is quicker: that is a conflict."""
    theirs = items(3)
    with dynamodb.proxied() as proxy:
        store, other = answers.event_store.EventStore(), answers.event_store.EventStore()
        store.append_events("order-0", 0, items(1))
        with proxy.fail(WRITES) as failed:
            error = _overtaken(
                proxy,
                failed,
                lambda: store.append_events("order-1", 0, items(2)),
                lambda: other.append_events("order-1", 0, theirs),
            )
        is_conflict(error, "order-1", 0, 3)
        same_events(theirs, store.get_events("order-1"))


def _overtaken(proxy, fault, slow, quick):
    """What *slow* raises when *fault* strikes its first write, and *quick* is done before its second."""
    raised, sent, holding = [], len(proxy.requests), threading.Event()
    holding.set()
    with proxy.delay(2 * DEADLINE_S, WRITES, times=1, when=lambda _: fault.fired > 0 and holding.is_set()):
        thread = in_background(lambda: raised.append(raised_by(slow)))
        came = until(lambda: raised or _writes(proxy.requests[sent:]) > 1)
        holding.clear()  # whoever needs no second write has left the delay to strike the quick one
        expect(came and fault.fired > 0, expected="a write request", got="none")
        quick()
    join([thread])
    return raised[0]


def _writes(requests):
    return sum(request.operation in WRITES for request in requests)


@pytest.mark.promise("A2.10")
def test_a_busy_service_is_no_conflict(answers, table, dynamodb):
    """DynamoDB asks to slow down once: the batch is stored, or an error but ConcurrencyError is raised."""
    events = items(4)
    with dynamodb.proxied() as proxy:
        store = answers.event_store.EventStore()
        store.append_events("order-1", 0, events[:2])
        with proxy.throttle(WRITES) as throttled:
            error = raised_by(lambda: store.append_events("order-1", 2, events[2:]))
            expect(throttled.fired > 0, expected="a write request", got="none")
        expect(
            not isinstance(error, ConcurrencyError),
            expected="the batch stored, or an error that says that the service is busy",
            got=told(error),
            perhaps="not every cancelled transaction is a conflict: look at its CancellationReasons",
        )
        same_events(events if error is None else events[:2], store.get_events("order-1"))
