"""Don't change the tests. C3: a snapshot and the events behind it come to the same as all events."""

import pytest

from labs.lab3.checks.checking import conflict, exactly, items, same_events
from labs.lab3.checks.lives import BEGIN, CLOCKS_DIFFER, END, MONTHS, append, life, same_state, state_at
from labs.lab3.checks.snapshots import Derived
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by

pytestmark = pytest.mark.criterion("C3")

COUNT = 2_400
STATE = {
    "order_id": "Zoë 🦉",
    "items": {f"item-{n}": n for n in range(300)},
    "amount": 0.1 + 0.2,
    "large": 2**53 + 1,
    "nothing": None,
    "deep": [{"a": [True, False, "", 1e-9]}],
}


def _is_snapshot(expected, got):
    expect(
        type(got) in (tuple, list) and len(got) == 2 and type(got[1]) is dict,
        expected="(version, state), the state a dict",
        got=repr(got)[:200],
    )
    version, state = got
    expect(exactly(expected[0], version), expected=f"version {expected[0]}", got=repr(version))
    expect.equal(expected[1], state, perhaps="a state has to come back as it was saved")


@pytest.mark.promise("C3.1", "C3.3")
def test_a_snapshot_comes_back(store, elsewhere):
    """What was saved comes back to another process, whole; a stream without snapshots has None."""
    store.append_events("order-1", 0, items(9))
    expect.equal(None, store.get_snapshot("order-1"))
    store.save_snapshot("order-1", 7, STATE)
    for reader in (store, elsewhere):
        _is_snapshot((7, STATE), reader.get_snapshot("order-1"))
    for stream in ("order-10", "order-", "order-1 "):
        expect.equal(None, store.get_snapshot(stream), perhaps=f"{stream!r} has a snapshot of another stream")


@pytest.mark.promise("C3.1", "C3.2")
def test_the_newest_that_is_not_too_new(store):
    """get_snapshot gives the newest snapshot of all, or with a version of at most max_version."""
    store.append_events("order-1", 0, items(100))
    store.append_events("order-1", 100, items(30))
    for version in (100, 9, 120, 10):  # in no order, and not in that of text
        store.save_snapshot("order-1", version, {"of": version})
    _is_snapshot((120, {"of": 120}), store.get_snapshot("order-1"))
    found = {130: 120, 120: 120, 119: 100, 100: 100, 99: 10, 10: 10, 9: 9}
    for most, version in found.items():
        _is_snapshot((version, {"of": version}), store.get_snapshot("order-1", max_version=most))
    for most in (8, 1, 0):
        expect.equal(None, store.get_snapshot("order-1", max_version=most))


@pytest.mark.promise("C3.4")
def test_snapshots_are_no_events(store, elsewhere):
    """Snapshots change nothing for get_events, get_events_until and append_events."""
    events = items(12)
    store.append_events("order-1", 0, events[:5])
    store.save_snapshot("order-1", 5, STATE)
    store.save_snapshot("order-1", 3, STATE)
    for wrong in (0, 3, 4, 6):
        conflict(lambda wrong=wrong: elsewhere.append_events("order-1", wrong, items(1)), "order-1", wrong, 5)
    elsewhere.append_events("order-1", 5, events[5:])
    store.save_snapshot("order-1", 12, STATE)
    for reader in (store, elsewhere):
        same_events(events, reader.get_events("order-1"), perhaps="a snapshot is taken for an event")
        for after in (0, 3, 4, 5, 11, 12):
            same_events(events[after:], reader.get_events("order-1", after), first_version=after + 1)
        same_events(events, reader.get_events_until("order-1", max(event.occurred_at for event in events)))


@pytest.mark.promise("C3.7")
def test_a_damaged_snapshot_is_not_given_out(store, table):
    """get_snapshot of a damaged snapshot gives the one before, None or an error, and never what is in it."""
    store.append_events("order-1", 0, items(9))
    store.save_snapshot("order-1", 3, {"of": 3})
    Derived(table, lambda: store.save_snapshot("order-1", 7, STATE)).damage()
    got = []
    if raised_by(lambda: got.append(store.get_snapshot("order-1"))) is None and got[0] is not None:
        _is_snapshot((3, {"of": 3}), got[0])


@pytest.fixture
def events(answers, rng):
    """The life of order 1."""
    return life("1", COUNT, answers, rng)


def _service(answers):
    return answers.temporal.TemporalQueryService(answers.event_store.EventStore())


def _ask(service, events, instants, perhaps):
    for instant in instants:
        state = service.get_order_state_at_time("1", instant)
        same_state(state_at(events, instant), state, instant, perhaps=perhaps)


@pytest.mark.promise("C3.5")
def test_snapshots_that_are_too_new(events, answers, table):
    """After a question at the end, those about earlier instants find snapshots that are too new."""
    append(answers.event_store.EventStore(), "order-1", events)
    _ask(_service(answers), events, [END], "the first question, before there are snapshots")
    times = sorted({event.occurred_at for event in events})
    chosen = [BEGIN, *times[1:12], *times[490:510], *times[:: len(times) // 25], END]
    _ask(_service(answers), events, chosen, "a snapshot is used that has later events in it than the instant")


@pytest.mark.promise("C3.5", "C3.6")
def test_a_tail_behind_the_snapshots(events, answers, table):
    """A stream goes on after snapshots were taken: the next answers have the new events, just once."""
    store, half = answers.event_store.EventStore(), COUNT // 2 + 37
    append(store, "order-1", events[:half])
    service = _service(answers)
    written = Derived(table, lambda: _ask(service, events[:half], MONTHS, "the first questions"))
    append(store, "order-1", events[half:], at=half)
    now = max(event.occurred_at for event in events[:half])
    around = [now - CLOCKS_DIFFER, now, now + CLOCKS_DIFFER, *MONTHS]
    twice = "the events behind a snapshot are applied twice, or not from its very version on"
    written_later = Derived(table, lambda: _ask(service, events, around, twice))

    written_later.lose()  # what is left is old
    _ask(_service(answers), events, around, "an old snapshot is taken for a current one")
    written.damage()
    _ask(_service(answers), events, around, "a damaged snapshot is used")


@pytest.mark.promise("C3.6")
def test_damaged_snapshots(events, answers, table):
    """The contents of all snapshots are cut off in the middle: every answer is right all the same."""
    store = answers.event_store.EventStore()
    append(store, "order-1", events)
    service = _service(answers)
    written = Derived(table, lambda: _ask(service, events, MONTHS, "the first questions"))
    damaged = "a damaged snapshot is as good as none: catch what reading it raises, and do without"
    for asked in (lambda: service, lambda: _service(answers), lambda: _service(answers.another_process())):
        written.damage()
        _ask(asked(), events, [BEGIN, *MONTHS], damaged)
    same_events(events, store.get_events("order-1"))
