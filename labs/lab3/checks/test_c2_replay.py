"""Don't change the tests. C2: an order is rebuilt when its snapshots are lost, all of them or some."""

import pytest

from labs.lab3.checks.checking import at_once, until
from labs.lab3.checks.lives import BEGIN, END, MONTHS, append, life, same_state, state_at
from labs.lab3.checks.snapshots import Derived, ask_all
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by
from pytest_labkit.faults.dynamodb import WRITES

pytestmark = pytest.mark.criterion("C2")

COUNT = 2_400
LOST = "an answer leans on something that is not in the events: a snapshot, or what is known of one"


@pytest.fixture
def events(answers, rng):
    """The life of order 1."""
    return life("1", COUNT, answers, rng)


def _ask(service, events):
    for instant in (BEGIN, *MONTHS):
        state = service.get_order_state_at_time("1", instant)
        same_state(state_at(events, instant), state, instant, perhaps=LOST)


def _service(answers):
    return answers.temporal.TemporalQueryService(answers.event_store.EventStore())


@pytest.mark.promise("C2.1")
@pytest.mark.parametrize("every", [1, 2, 3], ids=["all", "every second", "every third"])
def test_snapshots_are_lost(every, events, answers, table):
    """What questions have written is lost, all of it or a part: all answers are as before."""
    append(answers.event_store.EventStore(), "order-1", events)
    service = _service(answers)
    written = Derived(table, lambda: _ask(service, events))
    written.lose(every=every)
    _ask(service, events)
    written.lose(every=every)
    with answers.another_process() as other:
        _ask(_service(other), events)


@pytest.mark.promise("C2.1")
def test_an_order_is_replayed(events, store, answers, table):
    """An order that applies the events of a stream one by one comes to the state that it had at the end."""
    append(store, "order-1", events)
    order = answers.order.Order()
    for event in store.get_events("order-1"):
        order.apply_event(event)
    expected = state_at(events, END)
    same_state(expected, order.get_state(), END)
    service = answers.temporal.TemporalQueryService(store)
    same_state(expected, service.get_order_state_at_time("1", END), END)


@pytest.mark.promise("C2.2")
@pytest.mark.parametrize("writes", [1, 3])
def test_a_process_is_killed_while_it_answers(writes, events, answers, table, dynamodb):
    """The process that answers is killed while it writes, if it does: the next one answers as ever."""
    append(answers.event_store.EventStore(), "order-1", events)
    with dynamodb.proxied() as proxy, answers.another_process() as other:
        asked = _service(other)
        asked.get_order_state_at_time("1", BEGIN)
        with proxy.delay(0.2, WRITES):
            ended = []

            def ask():
                raised_by(lambda: ask_all(asked, "1", MONTHS))
                ended.append(True)

            def kill():
                until(lambda: ended or sum(r.operation in WRITES for r in list(proxy.requests)) >= writes)
                other.kill()

            at_once([ask, kill])
    _ask(_service(answers), events)
    expect(bool(ended), expected="an end", got="a call that still runs")
