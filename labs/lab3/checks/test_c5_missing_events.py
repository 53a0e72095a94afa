"""Don't change the tests. C5: missing events give a clear answer, never a wrong state."""

from datetime import UTC, datetime, timedelta

import pytest

from labs.lab3.checks.checking import as_list, same_events, told
from labs.lab3.checks.lives import MICROSECOND, MONTHS, append, life, same_state, spans, state_at
from labs.lab3.errors import StreamCorrupted
from labs.lab3.events import ItemAdded, OrderCreated
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by
from pytest_labkit.domain.model import Span

pytestmark = pytest.mark.criterion("C5")

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
APPENDS = 6
HOLES = 16
HOLE = "each version must follow the one before it, also behind a snapshot and up to the first too late"


@pytest.fixture
def events():
    """Order 1 in six appends of two, a day apart."""
    created = OrderCreated(order_id="1", customer_id="2", occurred_at=NOON)
    return [created, *map(_added, range(1, 2 * APPENDS))]


def _added(n):
    at = NOON + n // 2 * DAY + n * MICROSECOND
    return ItemAdded(order_id="1", item_id=f"item-{n}", quantity=n, occurred_at=at)


@pytest.fixture
def appended(events, store, table):
    """For each append the items of the stream that came with it."""
    came = []
    for at in range(0, len(events), 2):
        before = table.partition("order-1")
        store.append_events("order-1", at, events[at : at + 2])
        came.append(_with_events(before, table.partition("order-1"), at, at + 2))
    return came


def _with_events(before, after, start, end):
    """Of the items that are new in *after* those at the versions *start* + 1 to *end*; all, if none is."""
    known = [item["version"] for item in before]
    new = [item for item in after if item["version"] not in known]
    return [item for item in new if start < float(item["version"]["N"]) <= end] or new


def _instants(events):
    times = sorted({event.occurred_at for event in events})
    return [NOON - MICROSECOND, *times, *(at + MICROSECOND for at in times), NOON + 365 * DAY]


@pytest.mark.promise("C5.1", "C5.2")
@pytest.mark.parametrize("lost", range(APPENDS - 1), ids=lambda n: f"append {n + 1}")
def test_events_are_missing(lost, events, appended, answers, store, table, rng, chronicle):
    """Of one append, though not the last, an item is lost: StreamCorrupted, in one place or all."""
    items = appended[lost]
    expect(len(items) > 0, expected="items of the stream's own for each append", got="none")
    table.delete(rng.choice(items))
    chronicle("The stream, and what it has lost", _spans(events, 2 * lost, 2 * lost + 2))
    for reader in (store, answers.event_store.EventStore()):
        _is_corrupted("get_events('order-1')", lambda r=reader: as_list(r.get_events("order-1")))
        _is_corrupted(
            f"get_events_until('order-1', {NOON + 365 * DAY})",
            lambda r=reader: as_list(r.get_events_until("order-1", NOON + 365 * DAY)),
        )
        service = answers.temporal.TemporalQueryService(reader)
        for instant in _instants(events):
            _right_or_corrupted(service, events, instant)
            _right_list_or_corrupted(reader, events, instant)


def _spans(events, start, end):
    """The events by their times, and those of which an item is lost."""
    lost = [Span("an item of these is lost", f"v{n + 1}", events[n].occurred_at) for n in range(start, end)]
    return [*(Span("events", f"v{n}", e.occurred_at) for n, e in enumerate(events, 1)), *lost]


def _is_corrupted(what, call):
    """*call*, which a student sees as *what*, raises StreamCorrupted."""
    error = raised_by(call)
    expect(
        isinstance(error, StreamCorrupted),
        expected=f"StreamCorrupted from {what}",
        got=told(error),
        perhaps=HOLE,
    )


def _right_or_corrupted(service, events, instant):
    """A question after the loss: the state as it was before it, or StreamCorrupted."""
    states = []
    error = raised_by(lambda: states.append(service.get_order_state_at_time("1", instant)))
    if error is None:
        same_state(state_at(events, instant), states[0], instant, perhaps=HOLE)
    else:
        _is_corrupted(f"get_order_state_at_time('1', {instant})", lambda: _raise(error))


def _right_list_or_corrupted(reader, events, instant):
    lists = []
    error = raised_by(lambda: lists.append(reader.get_events_until("order-1", instant)))
    if error is None:
        wanted = [e for e in events if e.occurred_at <= instant]
        with_call = f"{HOLE} (get_events_until('order-1', {instant}))"
        same_events(wanted, lists[0], perhaps=with_call)
    else:
        _is_corrupted(f"get_events_until('order-1', {instant})", lambda: _raise(error))


def _raise(error):
    raise error


@pytest.mark.promise("C5.1", "C5.2")
def test_a_whole_append_is_missing(events, appended, answers, store, table, chronicle):
    """All items of an append in the middle are lost, one instant after the other: no wrong state."""
    chronicle("The stream, and what it has lost", _spans(events, 4, 6))
    for item in appended[2]:
        table.delete(item)
    _is_corrupted("get_events('order-1')", lambda: as_list(store.get_events("order-1")))
    for instant in _instants(events):
        _right_or_corrupted(answers.temporal.TemporalQueryService(store), events, instant)
        _right_list_or_corrupted(store, events, instant)


@pytest.mark.promise("C5.2")
def test_events_are_missing_around_snapshots(answers, store, table, rng, chronicle):
    """A long stream with snapshots loses events before and behind them: right states, or StreamCorrupted."""
    events = life("1", 1_600, answers, rng)
    before = table.partition("order-1")
    append(store, "order-1", events)
    stored = _with_events(before, table.partition("order-1"), 0, len(events))
    for instant in MONTHS:
        answers.temporal.TemporalQueryService(store).get_order_state_at_time("1", instant)
    lost = []
    try:
        _questions_around(events, stored, answers, store, table, rng, lost)
    finally:  # what failed is seen best here
        chronicle("A long stream, and where it lost events", [*spans(store, "order-1", events), *lost])


def _questions_around(events, stored, answers, store, table, rng, lost):
    """Take events out, one after the other, and ask around them; *lost* grows by what was taken out."""
    # Any of them may be the one that comes next after a snapshot, wherever your service takes those.
    for number in sorted(rng.sample(range(1, len(stored) - 1), min(HOLES, len(stored) - 2))):
        behind = (number + 1) * len(events) // len(stored)
        table.delete(stored[number])
        lost.append(Span("lost for some questions", f"item {number + 1}", events[behind - 1].occurred_at))
        service = answers.temporal.TemporalQueryService(store)
        for event in [*events[behind : behind + 20 : 19], rng.choice(events)]:
            _right_or_corrupted(service, events, event.occurred_at)
        table.put(stored[number])

    table.delete(stored[len(stored) // 2])
    elsewhere = answers.another_process()
    service = elsewhere.temporal.TemporalQueryService(elsewhere.event_store.EventStore())
    for instant in [*MONTHS, *(event.occurred_at for event in rng.sample(events, 4))]:
        _right_or_corrupted(service, events, instant)
