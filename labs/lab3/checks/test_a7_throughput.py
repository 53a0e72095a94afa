"""Don't change the tests. A7: 10,000 events a second are stored, in batches of 100 by 4 writers."""

import time

import pytest

from labs.lab3.checks.checking import as_list, at_once, has_room, same_events
from labs.lab3.events import ItemAdded

pytestmark = [pytest.mark.criterion("A7"), pytest.mark.timed]

WRITERS = 4
BATCH = 100
SECONDS = 2.0
LAST = 500  # events of a stream that another process reads
SUPPLY = 400  # batches, for a round: when all are stored it has ended, on a fast machine within a second
HANDED_OVER = 100  # batches at a time: about a megabyte


class Load:
    """Writers beside the store, a stream for each and round, and what they were told is stored."""

    def __init__(self, writers, rng):
        self._writers, self._rng = writers, rng
        self._run = rng.randbytes(4).hex()
        self._batches = []
        self.stored = {}

    def supply(self):
        """Have what a round may need; making it and handing it over is no part of the round."""
        stored = sum(map(len, self.stored.values())) // BATCH
        wanted = SUPPLY - (len(self._batches) - stored)
        new = [new_batch(self._rng, self._run) for _ in range(wanted)]
        for start in range(0, len(new), HANDED_OVER):
            self._writers.take(new[start : start + HANDED_OVER])
        self._batches += new

    def round(self):
        """Append for two seconds, or until all is stored; how many events were acknowledged."""
        streams = [f"order-{self._run}-{len(self.stored)}-{writer}" for writer in range(WRITERS)]
        acknowledged = self._writers.append(streams, SECONDS)
        for stream, numbers in acknowledged.items():
            self.stored[stream] = [event for number in numbers for event in self._batches[number]]
        return sum(len(self.stored[stream]) for stream in streams)


def new_batch(rng, order_id):
    """100 events that no other batch has, nor a run with another seed."""
    stem = rng.randbytes(3).hex()
    return [
        ItemAdded(
            event_id=rng.randbytes(16).hex(),
            order_id=order_id,
            item_id=f"{stem}-{number}" + "x" * (number % 7),
            quantity=1 + number % 50,
        )
        for number in range(BATCH)
    ]


@pytest.fixture
def yardstick(dynamodb):
    """A table of the yardstick's own: to scan its items among the student's takes most of a minute."""
    dynamodb.create_table("yardstick", partition_key=("aggregate_id", "S"), sort_key=("version", "N"))
    return dynamodb.client


@pytest.mark.promise("A7.1", "A7.2")
def test_ten_thousand_events_a_second(store, elsewhere, answers, table, yardstick, measure, rng):
    """4 writers append batches of 100 to a stream each, and every event that was acknowledged is there."""
    store.append_events("order-0", 0, [ItemAdded(order_id="1", item_id="1", quantity=1)])
    load, batches = (
        Load(answers.beside("load").Writers(store), rng),
        [new_batch(rng, "yardstick") for _ in range(50)],
    )
    try:
        measure.rate(
            "throughput",
            load.round,
            unit="events/s",
            prepare=load.supply,
            reference=lambda: plain_writes(yardstick, batches, rng),
            note=f"batches of {BATCH} by {WRITERS} writers; the reference puts one item a batch",
        )
    finally:
        _is_stored(load.stored, elsewhere, table, rng)
        _comes_back(load.stored, answers)


def plain_writes(client, batches, rng):
    """
    The yardstick: events checked and encoded, and one conditional put_item a batch, by as many threads.

    It is what a good answer comes to, so a machine on which this misses the target is too slow for it.
    """
    ends = time.monotonic() + SECONDS

    def write(stream):
        count = 0
        while time.monotonic() < ends:
            events = batches[count // BATCH % len(batches)]
            checked = [ItemAdded.model_validate(vars(event)) for event in events]
            client.put_item(
                TableName="yardstick",
                Item={
                    "aggregate_id": {"S": stream},
                    "version": {"N": str(count + 1)},
                    "events": {"S": "\n".join(event.model_dump_json() for event in checked)},
                },
                ConditionExpression="attribute_not_exists(version)",
            )
            count += BATCH
        return count

    stem = rng.randbytes(8).hex()
    return sum(at_once([lambda w=w: write(f"{stem}-{w}") for w in range(WRITERS)]))


def _is_stored(stored, elsewhere, table, rng):
    """
    The last events of some streams are read by another process, and all take up room in the table.

    At once, and before anything else: what was acknowledged is not to be on its way yet.
    """
    early = "a batch was acknowledged too early, or is kept somewhere else than in DynamoDB"
    for stream in rng.sample(sorted(stored), min(3, len(stored))):
        after = max(0, len(stored[stream]) - LAST)
        got = elsewhere.get_events(stream, after)
        same_events(stored[stream][after:], got, first_version=after + 1, perhaps=early)
    acknowledged = sum(len(events) for events in stored.values())
    has_room(table.items(), 16 * acknowledged)


def _comes_back(stored, answers):
    """Every acknowledged event comes back from a store that has seen none of them."""
    fresh = answers.event_store.EventStore()
    for stream, events in stored.items():
        same_events(events, as_list(fresh.get_events(stream)), perhaps="a batch was acknowledged too early")
