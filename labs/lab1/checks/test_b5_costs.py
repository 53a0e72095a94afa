"""Don't change the tests. B5: what each guarantee costs in latency and throughput."""

import time
from statistics import median

import pytest

from labs.lab1.checks.delivering import background
from labs.lab1.payments import GUARANTEES, Cost
from pytest_labkit import expect

pytestmark = pytest.mark.criterion("B5")

ACKS = {"acks=0": 0, "acks=1": 1, "acks=all": -1, "idempotent": -1, "transactional": -1}
COUNT, SIZE = 200, 200
LATE_S = 0.05  # by which bytes are late in each direction
TRIP_MS = 2 * 1000 * LATE_S
ROUNDS, MANY = 5, 2_000
STALLED_S = 1.0
QUIET = {"log_level": "0"}  # a link that has gone is no news for the terminal
FEW = 50  # records that fit into the producer's queue


@pytest.fixture
def single(cluster):
    """A topic of one partition."""
    return cluster.topic(1, "measured")


@pytest.fixture
def measured(answers, single):
    """Runs `measure` on that topic, and looks at what it returns."""

    def measured_(guarantee, count=COUNT, config=None):
        start = time.perf_counter()
        cost = answers.delivery.measure(guarantee, single.name, count, SIZE, {**QUIET, **(config or {})})
        lasted = time.perf_counter() - start
        expect(type(cost) is Cost, expected="measure to return a Cost", got=f"a {type(cost).__name__}")
        expect.equal(
            cost.acknowledged,
            len(cost.latencies_ms),
            perhaps="a latency for each record that was acknowledged",
        )
        expect(
            0 <= cost.seconds <= lasted,
            expected=f"the call to have lasted longer than the {cost.seconds:.3f} s that it says",
            got=f"{lasted:.3f} s",
        )
        return cost

    return measured_


def _in_topic(cluster, topic):
    return len(cluster.records(topic.name, topic.partitions))


@pytest.mark.promise("B5.1")
@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_what_is_asked_of_the_broker(cluster, single, measured, faults, kafka, guarantee):
    """The acks of each request at the broker are those of the guarantee, and all records are there."""
    cost = measured(guarantee)
    asked = {acks for acks, _ in faults.kafka.produced()}
    expect.equal({ACKS[guarantee]}, asked, perhaps=f"producer_config({guarantee!r}) sets acks")
    expect.equal(COUNT, cost.acknowledged)
    expect.eventually(
        COUNT, lambda: _in_topic(cluster, single), perhaps="a transaction is left open, or aborted"
    )


@pytest.mark.promise("B5.1")
@pytest.mark.parametrize("guarantee", GUARANTEES[2:])
def test_a_reply_is_lost(cluster, single, measured, faults, kafka, guarantee):
    """The broker's reply to a batch is lost; idempotence decides what becomes of the second try."""
    with faults.kafka.lose_reply() as lost:
        cost = measured(guarantee)
        expect(lost.fired > 0, expected="a reply to be lost", got="none was")
    expect.equal(COUNT, cost.acknowledged, perhaps="what is sent again is acknowledged too")
    copies = _in_topic(cluster, single) - COUNT
    if guarantee == "acks=all":
        expect(
            copies > 0,
            expected="records to be there twice: acks=all alone is not idempotent",
            got=f"{COUNT + copies} of {COUNT} records",
            perhaps="enable.idempotence has to be off, or this measures the same as idempotent",
        )
    else:
        expect.equal(0, copies, perhaps="enable.idempotence is not on")


@pytest.mark.promise("B5.2", "B5.3")
@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_latency_on_a_slow_link(measured, faults, kafka, guarantee):
    """Bytes are 50 ms late in each direction: what waits for a reply waits for 100 ms at least."""
    trips = {"acks=0": 0, "transactional": 2}.get(guarantee, 1)  # a transaction waits for its commit as well
    with faults.kafka.latency(LATE_S):
        cost = measured(guarantee)
    quickest = min(cost.latencies_ms)
    expect(
        quickest >= 0.98 * trips * TRIP_MS,
        expected=f"each record to take {trips * TRIP_MS:g} ms or more until it is "
        + ("committed" if trips == 2 else "acknowledged"),
        got=f"{quickest:.1f} ms",
        perhaps="a latency ends when the record is acknowledged, or its transaction is committed",
    )
    expect(
        1000 * cost.seconds >= 0.98 * max(cost.latencies_ms) - 1,
        expected=f"the whole to last as long as the slowest record, {max(cost.latencies_ms):.0f} ms",
        got=f"{1000 * cost.seconds:.0f} ms",
        perhaps="seconds ends when the last record is acknowledged, not when it is handed over",
    )


@pytest.mark.promise("B5.2")
def test_latency_of_a_transaction(cluster, single, measured, faults, kafka):
    """The broker has a record, and what the producer sends after it arrives a second late: its commit."""
    with faults.kafka.latency(3 * LATE_S):
        going = background(lambda: measured("transactional", 1))
        expect.eventually(True, lambda: going.is_over or cluster.end(single.name) > 0, within_s=20)
        with faults.kafka.stall("upstream"):
            time.sleep(STALLED_S)
        cost = going.result()
    expect(
        cost.latencies_ms[0] >= 900 * STALLED_S,
        expected=f"the record to take {STALLED_S:g} s or more: so late was its transaction committed",
        got=f"{cost.latencies_ms[0]:.0f} ms",
        perhaps="a record of a transaction is safe when that is committed, not when the broker has it",
    )


@pytest.mark.promise("B5.2")
def test_latency_is_each_records_own(measured, faults, kafka):
    """On a slow link the queue has room for 50 of 400 records: most are sent much later than the first."""
    with faults.kafka.latency(LATE_S):
        cost = measured("acks=1", 8 * FEW, {"queue.buffering.max.messages": str(FEW)})
    expect(
        max(cost.latencies_ms) < 750 * cost.seconds,
        expected=f"no record to take nearly as long as all together, {1000 * cost.seconds:.0f} ms",
        got=f"{max(cost.latencies_ms):.0f} ms",
        perhaps="a latency begins when its own record is sent",
    )


@pytest.mark.promise("B5.4")
def test_a_full_queue(cluster, single, measured):
    """The producer's queue has room for 50 records; 1,000 are to be sent."""
    cost = measured("acks=1", 1_000, {"queue.buffering.max.messages": str(FEW), "linger.ms": "0"})
    expect.equal(1_000, cost.acknowledged, perhaps="BufferError: wait with poll() and try again")
    expect.equal(1_000, _in_topic(cluster, single))


@pytest.mark.promise("B5.4")
def test_records_are_refused(cluster, answers):
    """A topic takes no record of that size: none counts as acknowledged."""
    small = cluster.topic(1, "small", max_message_bytes="100")
    cost = answers.delivery.measure("acks=1", small.name, 20, SIZE, None)
    expect.equal(
        (0, []),
        (cost.acknowledged, cost.latencies_ms),
        perhaps="the delivery report has an error, look at it",
    )


@pytest.mark.promise("B5.2")
@pytest.mark.timed
def test_the_trade_off(measured, measure, rng, scatter):
    """The five guarantees, in five rounds of 2,000 records, in another order in each."""
    rates, latencies = ({guarantee: [] for guarantee in GUARANTEES} for _ in range(2))
    for round_ in range(ROUNDS + 1):
        for guarantee in rng.sample(GUARANTEES, len(GUARANTEES)):
            cost = measured(guarantee, MANY)
            expect.equal(MANY, cost.acknowledged)
            if round_:  # the first is not counted
                rates[guarantee].append(cost.acknowledged / cost.seconds)
                latencies[guarantee].append(median(cost.latencies_ms))
    for guarantee in GUARANTEES:
        measure.record(f"throughput, {guarantee}", rates[guarantee], unit="records/s")
        measure.record(f"latency, {guarantee}", latencies[guarantee], unit="ms")
    scatter(
        "What a guarantee costs",
        ("throughput", "records/s"),
        ("latency", "ms"),
        {guarantee: (rates[guarantee], latencies[guarantee]) for guarantee in GUARANTEES},
    )
