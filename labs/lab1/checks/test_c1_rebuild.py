"""Don't change the tests. C1: a cart that is rebuilt from its events is the cart as it lives."""

import itertools
import time

import pytest
from confluent_kafka import murmur2

from labs.lab1.cart_events import PARTITIONS, Cart, CheckedOut, ItemAdded, ItemRemoved, encode
from labs.lab1.checks.carts import LARGEST, NOON, background, cart_after, life, same_cart, shuffled
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by

pytestmark = pytest.mark.criterion("C1")

IDS = ["1", "10", "01", "Zoë 🦉", "a:b", "7"]
QUICK_S = 3.0
STANDSTILL_S = 4.0


def added(version, *, cart_id="1", item="lamp", quantity=1):
    return ItemAdded(cart_id=cart_id, version=version, item_id=item, quantity=quantity, occurred_at=NOON)


def removed(version, item, quantity):
    return ItemRemoved(cart_id="1", version=version, item_id=item, quantity=quantity, occurred_at=NOON)


def checked_out(version):
    return CheckedOut(cart_id="1", version=version, occurred_at=NOON)


@pytest.mark.promise("C1.1")
def test_what_an_event_makes_of_a_cart(answers):
    """apply adds and removes items and checks out; the cart that it was given stays as it was."""
    steps = [
        (added(1, quantity=2), {"lamp": 2}, False),
        (added(2, item="chair"), {"lamp": 2, "chair": 1}, False),
        (added(3, quantity=3), {"lamp": 5, "chair": 1}, False),
        (removed(4, "lamp", 4), {"lamp": 1, "chair": 1}, False),
        (removed(5, "chair", 1), {"lamp": 1}, False),
        (removed(6, "lamp", 3), {}, False),
        (removed(7, "sofa", 1), {}, False),
        (added(8, quantity=2), {"lamp": 2}, False),
        (checked_out(9), {"lamp": 2}, True),
        (added(10, item="chair"), {"lamp": 2, "chair": 1}, True),
    ]
    cart = Cart()
    for event, items, is_checked_out in steps:
        before, then = cart.model_copy(deep=True), answers.event_sourcing.apply(cart, event)
        wanted = Cart(items=items, checked_out=is_checked_out, version=event.version)
        same_cart(wanted, then, f"after {event!r}")
        same_cart(before, cart, "the cart that was passed", "the dict of its items is changed in place")
        cart = then


@pytest.mark.promise("C1.2")
def test_a_copy_of_an_event_changes_nothing(answers):
    """apply is given events that the cart has seen, the last one and earlier ones."""
    events = [added(1, quantity=2), removed(2, "lamp", 1), added(3, item="chair")]
    cart = cart_after(events)
    for event in events:
        same_cart(cart, answers.event_sourcing.apply(cart, event), f"after a copy of version {event.version}")


@pytest.mark.promise("C1.3")
def test_an_event_is_a_record(cart_log, carts):
    """Each event is a record with the cart's id as its key, in the partition that murmur2 gives that key."""
    events = [added(version, cart_id=cart_id) for version in (1, 2) for cart_id in (*IDS, "", "k" * 300)]
    for event in events:
        cart_log.append(event)
    found = carts.records()
    expect.equal(len(events), len(found), perhaps="one event is one record, and nothing else is in the topic")
    for event in events:
        key = event.cart_id.encode()
        same = [record for record in found if (record.key, record.value) == (key, encode(event))]
        expect(
            len(same) == 1,
            expected=f"one record with the key {key!r} and encode(event) for {event!r}",
            got=f"{len(same)} of them, among {found!r}"[:400],
        )
        expect(
            same[0].partition == murmur2(key, PARTITIONS),
            expected=f"the key {key!r} in partition {murmur2(key, PARTITIONS)}, as Java's clients place it",
            got=f"partition {same[0].partition}",
            perhaps="librdkafka's own default is another hash, CRC32: partitioner=murmur2_random",
        )


@pytest.mark.promise("C1.5", "C1.3")
def test_rebuilt_is_what_lives(cart_log, carts, answers, rng):
    """The events of six carts come in turn, from this log and from others: each cart is rebuilt, anywhere."""
    lives = {cart_id: life(rng, cart_id, rng.randint(5, 25)) for cart_id in IDS}
    mixed = shuffled(rng, *lives.values())
    live = dict.fromkeys(IDS, Cart())
    carts.write(mixed[:40])
    for event in mixed:
        live[event.cart_id] = answers.event_sourcing.apply(live[event.cart_id], event)
    for event in mixed[40:]:
        cart_log.append(event)
    elsewhere = answers.another_process().event_sourcing.CartLog(carts.topic)
    for cart_id, events in lives.items():
        same_cart(cart_after(events), live[cart_id], f"the live cart {cart_id!r}")
        same_cart(live[cart_id], elsewhere.rebuild(cart_id), f"the cart {cart_id!r}")
    same_cart(live["1"], cart_log.rebuild("1"), "the cart '1', where it was written,")
    elsewhere.append(added(len(lives["1"]) + 1, item="one more"))
    same_cart(
        answers.event_sourcing.apply(live["1"], added(len(lives["1"]) + 1, item="one more")),
        cart_log.rebuild("1"),
        "cart 1 after an event from another process",
        "what was read before is taken for all there is",
    )


@pytest.mark.promise("C1.6", "C1.5")
def test_a_writer_is_killed(carts, cart_services, answers, rng):
    """A process is killed while it appends: each event whose append had returned is there, in its place."""
    version = 0
    for least in (1, 12, 30):
        version = _killed_after(least, version, carts, answers, rng)
    reader = answers.another_process().event_sourcing.CartLog(carts.topic)
    same_cart(cart_after(map(added, range(1, version + 1))), reader.rebuild("1"), "the cart in the end")


def _killed_after(least, version, carts, answers, rng):
    """Kill a writer once *least* calls have returned; the version up to which the cart's events are there."""
    writer, returned = answers.another_process(), itertools.count(version + 1)
    acknowledged = []

    def write():
        log = writer.event_sourcing.CartLog(carts.topic)
        for number in returned:
            log.append(added(number))
            acknowledged.append(number)

    writing = background(write)
    while len(acknowledged) < least and not writing.is_over:
        time.sleep(0.001)
    time.sleep(rng.random() / 200)
    writer.kill()
    error = raised_by(writing.result)
    if not acknowledged:
        raise error
    there = answers.another_process().event_sourcing.CartLog(carts.topic).rebuild("1")
    last = acknowledged[-1]
    expect(
        type(there) is Cart and there.version in (last, last + 1),
        expected=f"the cart at version {last}, which was acknowledged, or {last + 1}, which was on its way",
        got=repr(there)[:200],
        perhaps="append returns before Kafka has the event",
    )
    same_cart(cart_after(map(added, range(1, there.version + 1))), there, "after the kill, the cart")
    return there.version


@pytest.mark.promise("C1.4")
def test_a_request_is_lost(faults, carts, cart_log):
    """A request never reaches Kafka: if append returns, the event is there."""
    cart_log.append(added(1))
    with faults.kafka.limit_data(direction="upstream") as lost:
        appending = background(lambda: cart_log.append(added(2)))
        expect.eventually(True, lambda: lost.fired > 0 or appending.is_over, within_s=10)
    error = raised_by(appending.result)
    there = [record.value for record in carts.records()]
    expect(
        error is not None or encode(added(2)) in there,
        expected="version 2 in the log, or an exception",
        got="append returned, and the event is not there",
        perhaps="acks=0, no flush, or an error that the delivery callback gets and nobody looks at",
    )


@pytest.mark.promise("C1.4")
def test_an_event_that_kafka_refuses(carts, cart_log):
    """An event is larger than the topic allows: append raises, and the log goes on."""
    error = raised_by(lambda: cart_log.append(added(1, item="x" * 2 * LARGEST)))
    expect(
        error is not None,
        expected=f"an exception: the topic allows {LARGEST:,} bytes, and the event has more",
        got="append returned",
        perhaps="the error that the delivery callback gets is looked at by nobody",
    )
    cart_log.append(added(1))
    same_cart(cart_after([added(1)]), cart_log.rebuild("1"), "the cart")


@pytest.mark.promise("C1.4", "C1.7")
def test_a_reply_is_lost(faults, carts, cart_log):
    """Kafka has stored an event and its reply is lost: whoever tries again, the event counts once."""
    cart_log.append(added(1))
    with faults.kafka.lose_reply("Produce") as lost:
        error = raised_by(lambda: cart_log.append(added(2)))
        if error is not None:
            cart_log.append(added(2))
    cart_log.append(added(3))
    expect(lost.fired > 0, expected="a request to Produce", got="none")
    same_cart(cart_after(map(added, (1, 2, 3))), cart_log.rebuild("1"), "the cart")


@pytest.mark.promise("C1.6", "C1.4")
def test_the_broker_is_restarted(faults, carts, cart_log, answers):
    """Kafka is killed and started again: what was acknowledged is there, and the same log goes on."""
    for version in (1, 2, 3):
        cart_log.append(added(version))
    faults.kafka.restart()
    same_cart(cart_after(map(added, (1, 2, 3))), cart_log.rebuild("1"), "the cart after the restart")
    cart_log.append(added(4))
    elsewhere = answers.another_process().event_sourcing.CartLog(carts.topic)
    same_cart(cart_after(map(added, (1, 2, 3, 4))), elsewhere.rebuild("1"), "the cart, elsewhere")


@pytest.mark.promise("C1.7")
def test_events_that_come_again(carts, cart_log):
    """Copies of events lie right behind them, and behind others: each event counts once."""
    one, two, three, four = added(1, quantity=5), removed(2, "lamp", 2), added(3, item="chair"), added(4)
    carts.write([one, one, two, three, two, one, two, three, four, four, one])
    same_cart(cart_after([one, two, three, four]), cart_log.rebuild("1"), "the cart")


@pytest.mark.promise("C1.8")
def test_offsets_with_holes(carts, cart_log):
    """Transactions lie in between, committed and aborted; the partition ends with the marker of one."""
    carts.write([added(1)])
    carts.write_in_transaction([added(2, quantity=100)], commit=False)
    carts.write_in_transaction([added(2), added(3)], commit=True)
    same_cart(cart_after(map(added, (1, 2, 3))), cart_log.rebuild("1"), "with a marker at the end, the cart")
    carts.write([added(4)])
    carts.write_in_transaction([added(5, quantity=100)], commit=False)
    same_cart(cart_after(map(added, (1, 2, 3, 4))), cart_log.rebuild("1"), "after an aborted one, the cart")


@pytest.mark.promise("C1.9", "C1.5")
def test_an_empty_topic(carts, cart_log):
    """A cart without events is Cart(), at once, in a topic that is empty and in one that is not."""
    quickest = min(_timed_rebuild(cart_log) for _ in range(3))
    expect(
        quickest < QUICK_S,
        expected=f"less than {QUICK_S:g} s for a topic in which there is nothing to read",
        got=f"{quickest:.1f} s, the best of three",
        perhaps="the end is guessed from a silence: enable.partition.eof says where it is",
    )
    carts.write([added(1, cart_id="10"), added(1, cart_id="2")])
    same_cart(Cart(), cart_log.rebuild("1"), "the cart without events")


def _timed_rebuild(log):
    begun = time.monotonic()
    same_cart(Cart(), log.rebuild("1"), "the cart without events")
    return time.monotonic() - begun


@pytest.mark.promise("C1.9")
def test_the_network_stands_still(faults, carts, cart_log):
    """For four seconds nothing arrives while a cart is rebuilt: it is right afterwards, or an exception."""
    carts.write([added(1), added(2)])
    with faults.kafka.stall():
        rebuilding = background(lambda: cart_log.rebuild("1"))
        rebuilding.wait(STANDSTILL_S)
    if raised_by(rebuilding.result) is None:
        same_cart(
            cart_after([added(1), added(2)]),
            rebuilding.result(),
            "the cart",
            "that nothing comes for a while is taken for the end",
        )
