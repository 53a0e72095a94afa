"""Don't change the tests. A1: what is appended can be read back, by another process too."""

from datetime import UTC, datetime

import pytest

from labs.lab3.checks.checking import as_list, has_room, ids, items, same_events, unchanged, versions
from labs.lab3.events import ItemAdded, OrderConfirmed, OrderCreated
from pytest_labkit import expect
from pytest_labkit.faults.dynamodb import WRITES

pytestmark = pytest.mark.criterion("A1")

KEPT = "what was read before is answered from memory: another store may have appended since"


@pytest.mark.promise("A1.7")
def test_the_example_of_the_readme(store):
    """Three events are appended to a new stream, and three come back."""
    events = [
        OrderCreated(order_id="123", customer_id="456"),
        ItemAdded(order_id="123", item_id="789", quantity=2),
        OrderConfirmed(order_id="123", total_amount=99.99),
    ]
    store.append_events("order-123", 0, events)

    got = store.get_events("order-123")
    expect.equal(3, len(as_list(got)))
    expect.equal([event.event_id for event in events], ids(got))


@pytest.mark.promise("A1.7")
def test_events_come_back_as_they_were(store):
    """Each event comes back as one of its own class, with every field and its version, from any stream."""
    at = datetime(2025, 6, 1, 12, tzinfo=UTC)  # to the second: values that are hard to store are A5's
    events = [
        OrderCreated(order_id="123", customer_id="456", occurred_at=at),
        ItemAdded(order_id="123", item_id="789", quantity=2, occurred_at=at),
        OrderConfirmed(order_id="123", total_amount=99.5, occurred_at=at),
    ]
    store.append_events("Bestellung ü/#1", 0, events)
    same_events(events, store.get_events("Bestellung ü/#1"))


@pytest.mark.promise("A1.7")
def test_a_stream_grows(store):
    """Appends follow one another, and versions count on over all of them."""
    first, second = items(3), items(2, start=4)
    store.append_events("order-1", 0, first)
    store.append_events("order-1", 3, second)
    same_events(first + second, store.get_events("order-1"))


@pytest.mark.promise("A1.6", "A1.8")
def test_what_the_caller_passed_is_left_alone(store, answers):
    """The caller's list and events are as before the call, and what was returned is the caller's own."""
    callers, events = answers.beside("callers"), items(2)
    left = as_list(callers.append(store, "order-1", events))
    expect.equal(2, len(left), perhaps="the caller's list was used as the store's own")
    expect(
        all(event.version is None for event in left),
        expected="the caller's events, with no version",
        got="an event with a version",
        perhaps="make a copy with model_copy(update=…): an event is frozen, and not yours",
    )

    callers.clear_what_is_returned(store, "order-1")
    same_events(events, store.get_events("order-1"), perhaps="a list was kept, and shared with the caller")


@pytest.mark.promise("A1.1")
def test_streams_are_apart(store, table):
    """Streams whose ids resemble each other do not see each other's events."""
    names = [
        "a",
        "a#1",
        "a#1#b",
        "a#",
        "#a",
        "a/1",
        "a:1",
        "a-1",
        "A",
        "a ",
        "order-1",
        "order-10",
        "1",
        "01",
    ]
    written = {name: items(1 + number % 3, order_id=name) for number, name in enumerate(names)}
    for name, events in written.items():
        store.append_events(name, 0, events)
    for name, events in written.items():
        same_events(events, store.get_events(name), perhaps=f"the items of {name!r} lie under another key")
        expect(
            len(table.partition(name)) > 0,
            expected=f"the events of {name!r} in items whose aggregate_id is {name!r}",
            got="no such item",
        )


@pytest.mark.promise("A1.5")
def test_an_empty_batch_writes_nothing(store, table):
    """An empty list of events writes nothing, neither to a new stream nor to one that has grown."""
    store.append_events("order-1", 0, [])
    expect.equal(0, len(table.items()), perhaps="nothing is to be written for no events")
    store.append_events("order-1", 0, items(2))
    before = table.items()
    store.append_events("order-1", 2, [])
    unchanged(before, table.items())


@pytest.mark.promise("A1.4")
def test_stores_share_what_is_stored(store, answers):
    """Two stores in one process, taking turns on one stream, see the same events."""
    other = answers.event_store.EventStore()
    events = items(4)
    for version, event in enumerate(events):
        (store, other)[version % 2].append_events("order-1", version, [event])
        for one in (store, other):
            same_events(events[: version + 1], one.get_events("order-1"), perhaps=KEPT)


@pytest.mark.promise("A1.3")
def test_what_is_acknowledged_is_stored(answers, table, dynamodb):
    """Writes take 0.3 s: when append_events returns, the events are in the table."""
    early = "the call returned before DynamoDB had answered: what a thread is yet to write can still be lost"
    with dynamodb.proxied() as proxy:
        store = answers.event_store.EventStore()
        store.append_events("order-0", 0, items(1))
        with proxy.delay(0.3, WRITES, times=None):
            store.append_events("order-1", 0, items(3, size=2_000))
            has_room(table.items(), 3 * 1_000, perhaps=early)


@pytest.mark.promise("A1.2", "A1.3")
def test_another_process_reads_what_a_killed_one_wrote(answers, table):
    """A process is killed right after append_events returned; another reads its events from the table."""
    first, second = items(3, size=400), items(2, start=4, size=400)
    reader = answers.event_store.EventStore()
    with answers.another_process() as writer:
        store = writer.event_store.EventStore()
        store.append_events("order-1", 0, first)
        same_events(first, reader.get_events("order-1"), perhaps="the events are not in the table yet")
        store.append_events("order-1", 3, second)
        writer.kill()
    lost = "the events were only in the memory of a process, or were still on their way"
    same_events(first + second, reader.get_events("order-1"), perhaps=lost)

    kept = table.items()
    has_room(kept, 5 * 200)
    for item in kept:
        table.delete(item)
    elsewhere = versions(answers.event_store.EventStore().get_events("order-1"))
    expect.equal([], elsewhere, perhaps="the events were read from somewhere else than the table")
    for item in kept:
        table.put(item)
    same_events(first + second, answers.event_store.EventStore().get_events("order-1"))
