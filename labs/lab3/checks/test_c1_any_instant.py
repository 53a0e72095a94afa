"""Don't change the tests. C1: any instant in a year of history, in far less than a full replay."""

from datetime import UTC, datetime, timedelta, timezone
from statistics import median

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from labs.lab3.checks.checking import as_list, same_events, told
from labs.lab3.checks.lives import (
    BATCH,
    BEGIN,
    END,
    MICROSECOND,
    MONTHS,
    append,
    instants,
    life,
    lives,
    same_state,
    spans,
    state_at,
)
from labs.lab3.events import ItemAdded, OrderConfirmed, OrderCreated, OrderState
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by
from pytest_labkit.domain.model import Span

pytestmark = pytest.mark.criterion("C1")

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LONG = 20_000
QUESTIONS = 30


def questions(count):
    """Settings for a property that asks that many questions; each is real requests, so nothing shrinks."""
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def _added(*times, order_id="1"):
    return [
        ItemAdded(order_id=order_id, item_id=f"item-{n}", quantity=n, occurred_at=at)
        for n, at in enumerate(times, 1)
    ]


@pytest.mark.promise("C1.1", "C1.2")
def test_events_until_an_instant(store):
    """get_events_until gives the events up to and at an instant, to the microsecond, in version order."""
    events = _added(NOON, NOON, NOON + MICROSECOND, NOON + 2 * HOUR, NOON + 1.5 * HOUR, NOON + 3 * HOUR)
    store.append_events("order-1", 0, events[:4])
    store.append_events("order-1", 4, events[4:])
    for instant, wanted in {
        NOON - MICROSECOND: [],
        NOON: [1, 2],
        NOON + MICROSECOND: [1, 2, 3],
        NOON + 1.5 * HOUR - MICROSECOND: [1, 2, 3],
        NOON + 1.5 * HOUR: [1, 2, 3, 5],
        NOON + 2 * HOUR: [1, 2, 3, 4, 5],
        NOON + 365 * 24 * HOUR: [1, 2, 3, 4, 5, 6],
    }.items():
        for zone in (UTC, timezone(2 * HOUR)):
            got = as_list(store.get_events_until("order-1", instant.astimezone(zone)))
            expect.equal(wanted, [event.version for event in got], perhaps=f"the events up to {instant}")
            for version, event in zip(wanted, got, strict=True):
                same_events([events[version - 1]], [event], first_version=version)
    expect.equal([], as_list(store.get_events_until("order-2", NOON)))


@pytest.mark.promise("C1.2")
def test_a_time_without_zone_is_no_instant(store):
    """get_events_until raises ValueError for a timestamp without a time zone."""
    store.append_events("order-1", 0, _added(NOON))
    error = raised_by(lambda: store.get_events_until("order-1", NOON.replace(tzinfo=None)))
    expect(
        isinstance(error, ValueError),
        expected="ValueError",
        got=told(error),
        perhaps="noon is another instant in each zone",
    )


@pytest.mark.promise("C1.3")
def test_the_bounds_of_a_life(answers, store):
    """Before its first event an order is OrderState(), and each event counts from its very instant on."""
    service = answers.temporal.TemporalQueryService(store)
    same_state(OrderState(), service.get_order_state_at_time("7", NOON), NOON)
    events = [
        OrderCreated(order_id="7", customer_id="9", occurred_at=NOON),
        *_added(NOON, NOON + HOUR, NOON + HOUR, NOON + 2 * HOUR, NOON + 1.5 * HOUR, order_id="7"),
        OrderConfirmed(order_id="7", total_amount=0.1 + 0.2, occurred_at=NOON + 4 * HOUR),
    ]
    store.append_events("order-7", 0, events[:3])
    store.append_events("order-7", 3, events[3:])
    for at in sorted({event.occurred_at for event in events}):
        for instant in (at - MICROSECOND, at, at + MICROSECOND, at.astimezone(timezone(-9 * HOUR))):
            got = service.get_order_state_at_time("7", instant)
            same_state(state_at(events, instant), got, instant)


@pytest.mark.promise("C1.3", "C1.4")
def test_a_year_of_many_orders(answers, table, rng, seed):
    """100 orders with 20,000 events in a year: each is at any instant what its own events made of it."""
    orders = lives(map(str, range(100)), 200, answers, rng)
    store = answers.event_store.EventStore()
    for order_id, events in orders.items():
        append(store, f"order-{order_id}", events)
    service = answers.temporal.TemporalQueryService(store)

    def asked(order_id):
        return st.tuples(st.just(order_id), instants(orders[order_id]))

    @hypothesis.seed(seed)
    @questions(40)
    @given(st.sampled_from(sorted(orders)).flatmap(asked))
    def is_right(question):
        order_id, instant = question
        got = service.get_order_state_at_time(order_id, instant)
        same_state(state_at(orders[order_id], instant), got, instant)

    is_right()


@pytest.fixture
def long_life(answers, store, rng):
    """The events of order 1 in a year, stored; that takes its time, and is no part of the test's."""
    events = life("1", LONG, answers, rng)
    append(store, "order-1", events)
    return events


@pytest.mark.promise("C1.3", "C1.6")
def test_any_instant_of_a_long_life(long_life, store, answers, dynamodb, measure, chronicle, seed):
    """
    An order of 20,000 events: after a question at the end of each month, any other reads a tenth of it.

    At most a tenth of the items that get_events reads, and twenty more, by a process that knows nothing.
    """
    events, service = long_life, answers.temporal.TemporalQueryService(store)
    shown = []
    try:
        for instant in MONTHS:
            shown.append(Span("end of a month", "asked", instant))
            same_state(state_at(events, instant), service.get_order_state_at_time("1", instant), instant)
        asked = _questions_to_a_new_process(events, answers, dynamodb, seed, shown)
    finally:  # what failed is seen best here
        chronicle(f"The life of an order of {LONG:,} events", [*spans(store, "order-1", events), *shown])
    all_of_it = asked.all_of_it
    note = f"{median(asked.reads):g} items a question, {all_of_it:,} for all {LONG:,} events"
    shares = [100 * count / all_of_it for count in asked.reads]
    measure.record("items read", shares, unit="% of a full replay", note=note)


def _questions_to_a_new_process(events, answers, dynamodb, seed, shown):
    """Ask for chosen instants and for any; what was read for each comes into *shown*."""
    with dynamodb.proxied() as proxy:
        reader = answers.another_process().event_store.EventStore()
        got, all_of_it = _counted(proxy, lambda: reader.get_events("order-1"))
        expect.equal(LONG, len(as_list(got)))
        fresh = answers.another_process()  # what the first has read is no help to this one
        service = fresh.temporal.TemporalQueryService(fresh.event_store.EventStore())
        asked = Counted(proxy, service, all_of_it, shown)

        @hypothesis.seed(seed)
        @questions(QUESTIONS)
        @given(instants(events))
        def is_right(instant):
            expected = state_at(events, instant)
            same_state(expected, asked.state_at(instant), instant)

        for instant in (events[LONG // 2].occurred_at, BEGIN, END):
            same_state(state_at(events, instant), asked.state_at(instant), instant)
        is_right()
    return asked


class Counted:
    """Questions about order 1, each of which may read a tenth of what *all_of_it* is, and twenty items."""

    def __init__(self, proxy, service, all_of_it, shown):
        self._proxy = proxy
        self._service = service
        self.all_of_it = all_of_it
        self.reads = []
        self._shown = shown

    def state_at(self, instant):
        """The state that the service gives, for not too many items."""
        state, count = _counted(self._proxy, lambda: self._service.get_order_state_at_time("1", instant))
        self._shown.append(Span("questions", f"{count} items read", instant))
        expect(
            count > 0 or bool(self.reads),
            expected="items of the table, read for the first question of a new process",
            got="none",
            perhaps="the answer is kept somewhere else than in DynamoDB",
        )
        most = self.all_of_it // 10 + 20
        expect(
            count <= most,
            expected=f"at most {most:,} items read for {instant}: get_events reads {self.all_of_it:,}",
            got=f"{count:,} items",
            perhaps="no snapshot near the instant is used, or the events behind the instant are read as well",
        )
        self.reads.append(count)
        return state


def _counted(proxy, call):
    """What *call* returns, and how many items DynamoDB returned for it."""
    before = len(proxy.requests)
    value = call()
    return value, sum(request.returned for request in proxy.requests[before:])


@pytest.mark.promise("C1.4")
def test_clocks_that_differ(answers, store):
    """Every second event is an hour earlier than the one before it, wherever snapshots are taken."""
    times = [NOON + n * HOUR / 2 - n % 2 * HOUR for n in range(1_500)]
    created = OrderCreated(order_id="1", customer_id="2", occurred_at=NOON - HOUR)
    events = [created, *_added(*times)[1:]]
    append(store, "order-1", events)
    service = answers.temporal.TemporalQueryService(store)
    ends = [events[version - 1].occurred_at for version in range(BATCH, len(events) + 1, BATCH)]
    around = [at + beside for at in ends for beside in (-MICROSECOND, 0 * HOUR, HOUR - MICROSECOND, HOUR)]
    for instant in (*around, *reversed(around)):
        got = service.get_order_state_at_time("1", instant)
        same_state(state_at(events, instant), got, instant)


@pytest.mark.promise("C1.5")
def test_what_is_appended_later_counts(answers, store, rng):
    """Events appended after a question are in the next answer, also one that is late by half an hour."""
    events = life("1", 1_500, answers, rng)[:-1]
    service = answers.temporal.TemporalQueryService(store)
    append(store, "order-1", events)
    same_state(state_at(events, END), service.get_order_state_at_time("1", END), END)

    newest = max(event.occurred_at for event in events)
    late = [newest + HOUR / 2, newest - HOUR / 2, newest + HOUR]
    more = _added(*late)
    append(store, "order-1", more, at=len(events))
    for instant in (newest - HOUR, newest - MICROSECOND, newest, *late, END):
        got = service.get_order_state_at_time("1", instant)
        same_state(state_at([*events, *more], instant), got, instant)
