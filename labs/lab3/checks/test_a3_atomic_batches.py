"""Don't change the tests. A3: a batch is stored whole or not at all."""

import json
import threading

import pytest

from labs.lab3.checks.checking import (
    as_list,
    at_once,
    has_room,
    in_background,
    items,
    join,
    same_events,
    told,
    unchanged,
    until,
    versions,
)
from labs.lab3.errors import ConcurrencyError, InvalidEvent
from labs.lab3.events import ItemAdded
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by
from pytest_labkit.faults.dynamodb import WRITES

pytestmark = pytest.mark.criterion("A3")

KB = 1000


@pytest.mark.promise("A3.3")
def test_a_hundred_events_are_one_batch(store, elsewhere, table):
    """100 events, with 300 KB of JSON together, are stored in one call, and are there for another process."""
    small, large = items(100), items(100, start=101, size=2_750)
    assert 280 * KB < sum(len(event.model_dump_json()) for event in large) <= 300 * KB
    store.append_events("order-1", 0, small)
    store.append_events("order-1", 100, large)
    same_events(small + large, elsewhere.get_events("order-1"))
    has_room(table.items(), 100 * 2_750 // 2)


@pytest.mark.promise("A3.4")
@pytest.mark.parametrize(
    "batch",
    [
        pytest.param((101, 0), id="101 events"),
        pytest.param((250, 0), id="250 events"),
        pytest.param((1000, 0), id="1,000 events"),
        pytest.param((1, 410 * KB), id="an event of 410 KB"),
        pytest.param((3, 200 * KB), id="3 events of 200 KB"),
        pytest.param((18, 250 * KB), id="4.5 MB"),
    ],
)
def test_a_batch_beyond_the_limits(batch, store):
    """A batch that is too large is stored whole, or an error is raised and none of it can be read."""
    count, size = batch
    first, large, last = items(2), items(count, start=3, size=size), items(1, start=5000)
    store.append_events("order-1", 0, first)
    error = raised_by(lambda: store.append_events("order-1", 2, large))
    expect(
        not isinstance(error, ConcurrencyError),
        expected="the batch stored, or an error that says that it is too large",
        got=told(error),
        perhaps="the expected version was right: this is no conflict",
    )
    stored = first + (large if error is None else [])
    torn = "the batch was split over several requests, and one of them was refused"
    same_events(stored, store.get_events("order-1"), perhaps=torn)
    store.append_events("order-1", len(stored), last)
    same_events(stored + last, store.get_events("order-1"), perhaps=torn)


@pytest.mark.promise("A3.1", "A3.2")
def test_the_process_dies_between_two_requests(store, answers, dynamodb):
    """A process is killed after the first write request of an append: all of it is there, or nothing."""
    batches = {
        "order-few": items(5, start=3),
        "order-many": items(150, start=3),
        "order-large": items(3, start=3, size=200 * KB),
    }
    for stream in batches:
        store.append_events(stream, 0, items(2))
    first = {stream: as_list(store.get_events(stream)) for stream in batches}

    errors = _append_and_die(answers, dynamodb, batches)

    for stream, batch in batches.items():
        got = store.get_events(stream)
        stored = _first_or_all(
            first[stream], batch, got, returned=stream in errors and errors[stream] is None
        )
        last = items(1, start=9000)
        store.append_events(stream, len(stored), last)
        same_events(stored + last, store.get_events(stream), perhaps="what was left over is in the way")


def _append_and_die(answers, dynamodb, batches):
    """
    Append the batches in a process that is killed when each has sent a second write, or has ended.

    The first write about a stream goes through, all later ones do not. Gives what each call that
    ended raised.
    """
    seen = dict.fromkeys(batches, 0)
    errors = {}

    def is_a_later_one(body):
        text = json.dumps(body)
        for stream in batches:
            if stream in text:
                seen[stream] += 1
                return seen[stream] > 1
        return any(count > 0 for count in seen.values())

    def append(stream, store):
        errors[stream] = raised_by(lambda: store.append_events(stream, 2, batches[stream]))

    with dynamodb.proxied() as proxy, answers.another_process() as process:
        store = process.event_store.EventStore()
        with proxy.fail(WRITES, times=None, when=is_a_later_one):
            threads = [in_background(lambda s=s: append(s, store)) for s in batches]
            until(lambda: all(stream in errors or seen[stream] > 1 for stream in batches))
            ended = dict(errors)
            process.kill()
            join(threads)
    return ended


def _first_or_all(first, batch, got, *, returned):
    """*got* is *first*, or *first* and the whole *batch*; it must be that if the call returned."""
    count = len(as_list(got))
    whole = [len(first) + len(batch)]
    expect(
        count in (whole if returned else [len(first), *whole]),
        expected=f"all {len(batch)} events of the batch, or none",
        got=f"{count - len(first)} of them",
        perhaps="the batch is written by several requests, and the process can die between them",
    )
    stored = first + batch if count == whole[0] else first
    same_events(stored, got)
    return stored


@pytest.mark.promise("A3.5")
def test_a_batch_that_is_processed_in_part(answers, table, dynamodb):
    """DynamoDB leaves part of a batch request undone once: the whole batch is stored all the same."""
    events = items(30)
    with dynamodb.proxied() as proxy, proxy.leave_unprocessed(times=1):
        store = answers.event_store.EventStore()
        error = raised_by(lambda: store.append_events("order-1", 0, events))
        expect(error is None, expected="30 events stored", got=told(error))
        same_events(events, store.get_events("order-1"), perhaps="UnprocessedItems have to be sent again")


@pytest.mark.promise("A3.1")
def test_a_reader_never_sees_half_a_batch(answers, table, dynamodb):
    """Somebody reads while batches of 10 are appended: what is read is always whole batches."""
    seen, done = [], threading.Event()
    with dynamodb.proxied() as proxy, proxy.delay(0.01, WRITES, times=None):
        store = answers.event_store.EventStore()
        store.append_events("order-1", 0, items(10))

        def read():
            while not done.is_set():
                seen.append(versions(store.get_events("order-1")))

        reader = in_background(read)
        for start in range(10, 80, 10):
            store.append_events("order-1", start, items(10, start=start + 1))
        done.set()
        join([reader])
    torn = [got for got in seen if got != [*range(1, len(got) + 1)] or len(got) % 10]
    expect(len(seen) > 0, expected="reads beside the appends", got="none: reading raised an exception")
    expect(
        not torn,
        expected="10, 20, 30 … events",
        got=f"{len(torn[0])} events" if torn else "",
        perhaps="events can be read before the last of their batch is written",
    )


@pytest.mark.promise("A3.6")
def test_one_bad_event_refuses_the_batch(store, table):
    """A batch whose last event does not fit its schema is refused, and nothing of it is written."""
    good = items(3)
    bad = ItemAdded.model_construct(**{**vars(good[0]), "quantity": "many"})
    store.append_events("order-1", 0, good)
    before = table.items()
    error = raised_by(lambda: store.append_events("order-1", 3, [*items(99, start=4), bad]))
    expect(isinstance(error, InvalidEvent), expected="InvalidEvent", got=told(error))
    unchanged(before, table.items(), perhaps="events are checked one by one, each just before it is written")
    same_events(good, store.get_events("order-1"))


@pytest.mark.promise("A3.1")
def test_racing_batches_do_not_mix(store):
    """Eight batches of 12 are appended at one version at the same moment: one is stored, and whole."""
    store.append_events("order-1", 0, items(1))
    # botocore makes client.exceptions on first use, which two threads must not be at once.
    raised_by(lambda: store.append_events("order-1", 0, items(1)))
    batches = [items(12, start=100 * n) for n in range(1, 9)]
    errors = at_once(
        [lambda b=batch: raised_by(lambda: store.append_events("order-1", 1, b)) for batch in batches]
    )
    won = [batch for batch, error in zip(batches, errors, strict=True) if error is None]
    expect(
        len(won) == 1,
        expected="one call that returns, and seven ConcurrencyErrors",
        got=f"{len(won)} calls that returned",
        perhaps="batches of several requests got in among each other",
    )
    same_events(won[0], as_list(store.get_events("order-1"))[1:], first_version=2)
