"""Don't change the tests. A4: events come in version order, from any version on, however many there are."""

from datetime import UTC, datetime, timedelta

import pytest

from labs.lab3.checks.checking import as_list, has_room, items, same_events, told, versions
from labs.lab3.errors import StreamCorrupted
from labs.lab3.events import ItemAdded
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by

pytestmark = pytest.mark.criterion("A4")

FILTER = "from_version may lie inside a batch: the events after it are still wanted, and none before it"


def _filled(store, stream, events, *sizes):
    """Append *events* in batches of *sizes*, the last size as often as it takes."""
    at = 0
    while at < len(events):
        size = sizes[0] if len(sizes) == 1 else sizes[min(at, len(sizes) - 1)]
        store.append_events(stream, at, events[at : at + size])
        at += size


@pytest.mark.promise("A4.1", "A4.2")
def test_a_stream_longer_than_a_page(store, elsewhere, table):
    """A stream of 1.4 MB, more than one page, comes back whole to another process, and from any version."""
    events = items(600, size=2_300)
    _filled(store, "order-1", events, 100)
    page = "DynamoDB returns 1 MB at most at a time: go on while there is a LastEvaluatedKey"
    has_room(table.items(), 600 * 2_300 // 2)
    same_events(events, elsewhere.get_events("order-1"), perhaps=page)
    for after in (1, 250, 400, 599, 600, 601, 5000):
        got = store.get_events("order-1", after)
        expect.equal([*range(after + 1, 601)], versions(got), perhaps=FILTER)


@pytest.mark.promise("A4.1")
def test_from_every_version(store):
    """from_version gives just the events after it, wherever in a batch it lies."""
    events = items(11)
    for start, end in ((0, 3), (3, 4), (4, 9), (9, 11)):
        store.append_events("order-1", start, events[start:end])
    for after in range(13):
        got = store.get_events("order-1", from_version=after)
        same_events(events[after:], got, first_version=after + 1, perhaps=FILTER)
    expect.equal([], versions(store.get_events("order-2", 5)))


@pytest.mark.promise("A4.1")
def test_a_new_stream_is_empty(store):
    """A stream that nobody has written to has no events."""
    expect.equal([], versions(store.get_events("order-1")))


@pytest.mark.promise("A4.3")
def test_versions_are_numbers(store):
    """More than 9 and more than 99 versions come in the order of numbers, not of text."""
    events = items(104)
    for start in range(12):
        store.append_events("order-1", start, events[start : start + 1])
    store.append_events("order-1", 12, events[12:98])
    for start in range(98, 104):
        store.append_events("order-1", start, events[start : start + 1])
    same_events(events, store.get_events("order-1"), perhaps="as text, 10 comes before 9")


@pytest.mark.promise("A4.3")
def test_clocks_do_not_order_events(store):
    """Events whose times are equal or go backwards come in version order all the same."""
    noon = datetime(2025, 6, 1, 12, tzinfo=UTC)
    times = [noon, noon, noon - timedelta(seconds=5), noon + timedelta(days=1), noon - timedelta(days=365)]
    events = [
        ItemAdded(order_id="1", item_id=str(n), quantity=1, occurred_at=at) for n, at in enumerate(times)
    ]
    store.append_events("order-1", 0, events[:2])
    store.append_events("order-1", 2, events[2:])
    same_events(events, store.get_events("order-1"), perhaps="events are sorted by their time")


@pytest.mark.promise("A4.2")
@pytest.mark.parametrize("size", [0, 1, 3], ids=["an empty page", "pages of 1", "pages of 3"])
def test_small_pages(size, answers, table, dynamodb):
    """DynamoDB gives small pages, or an empty one with a LastEvaluatedKey: all events come all the same."""
    events = items(12)
    with dynamodb.proxied() as proxy:
        store = answers.event_store.EventStore()
        store.append_events("order-1", 0, events[:5])
        for start in range(5, 12):
            store.append_events("order-1", start, events[start : start + 1])
        sent = len(proxy.requests)
        with proxy.split_pages(size):
            page = "a page without items is not the last one: only a missing LastEvaluatedKey says so"
            same_events(events, store.get_events("order-1"), perhaps=page)
            same_events(events[6:], store.get_events("order-1", 6), first_version=7, perhaps=page)
            same_events(events[3:], store.get_events("order-1", 3), first_version=4, perhaps=page)
            expect(len(proxy.requests) > sent, expected="requests to DynamoDB", got="none")
            store.append_events("order-1", 12, items(1, start=13))
            expect.equal([*range(1, 14)], versions(store.get_events("order-1")))


@pytest.mark.promise("A4.4")
def test_nothing_is_scanned(answers, table, dynamodb):
    """A stream is queried: a Scan reads every stream there is to find one."""
    with dynamodb.proxied() as proxy:
        store = answers.event_store.EventStore()
        store.append_events("order-1", 0, items(3))
        store.append_events("order-2", 0, items(5))
        expect.equal([2, 3], versions(store.get_events("order-1", 1)))
        operations = {request.operation for request in proxy.requests}
    expect(
        bool(operations) and "Scan" not in operations,
        expected="no Scan: it reads every stream there is",
        got=", ".join(sorted(operations)) or "no request at all",
        perhaps="Query with a condition on aggregate_id reads one stream",
    )


@pytest.mark.promise("A4.5", "A4.6")
def test_a_missing_event_is_noticed(store, answers, table):
    """One item is taken out of the middle of a stream: reading it raises StreamCorrupted."""
    events = items(12)
    for start in range(0, 12, 2):
        store.append_events("order-1", start, events[start : start + 2])
    same_events(events, store.get_events("order-1"))
    between = table.partition("order-1")[1:-1]
    expect(len(between) > 0, expected="a stream of six appends in several items", got="one item or two")
    table.delete(between[len(between) // 2])

    for reader in (store, answers.event_store.EventStore()):
        _is_corrupted(reader, 0)
    # From 3 on, the hole is the first thing to be read, or what is read is behind it.
    whole = [n for n in range(3, 12) if not isinstance(_read(store, n), StreamCorrupted)]
    expect(
        whole == [] or whole == [*range(whole[0], 12)],
        expected="StreamCorrupted from every version before the hole",
        got=f"a list of events after version {whole[0]}" if whole else "",
        perhaps="the first event that is read must be the one after from_version",
    )
    _nothing_wrong_is_returned(store, events, whole)


def _read(store, after):
    """What `get_events` raises."""
    return raised_by(lambda: as_list(store.get_events("order-1", after)))


def _is_corrupted(store, after):
    error = _read(store, after)
    expect(
        isinstance(error, StreamCorrupted),
        expected="StreamCorrupted",
        got=told(error),
        perhaps="each event must have the version that follows the one before it",
    )


def _nothing_wrong_is_returned(store, events, starts):
    """Behind the hole, each start gives all the events after it."""
    for after in starts:
        same_events(
            events[after:],
            store.get_events("order-1", after),
            first_version=after + 1,
            perhaps="the first event that is read must be the one after from_version",
        )
