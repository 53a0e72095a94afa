"""
How fast the model answer of lab 3 tells the state of an order of 20,000 events at an instant.

    python benchmarks/state_at_instant.py [--questions 60] [--backend auto]

Beside it, in turn, the full replay: all events up to the instant are read and applied, no snapshot used.
Both ask for the same instants. Pages are the replies of DynamoDB with items in them, counted at the kit's
proxy in questions that are not timed.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

import labs.lab3
from labs.lab3.events import Event, ItemAdded, OrderCreated, OrderState
from pytest_labkit.faults.dynamodb.proxy import READS, DynamoDBProxy
from pytest_labkit.host import settings
from pytest_labkit.services import Services
from pytest_labkit.session.dynamodb import DynamoDBSandbox

ROOT = Path(__file__).parents[1]
STREAM, ORDER = "order-1", "1"
EVENTS, BATCH = 20_000, 100
BEGIN, YEAR = datetime(2025, 1, 1, tzinfo=UTC), timedelta(days=365)

labs.lab3.__path__.insert(0, str(ROOT / "solutions" / "lab3"))

from labs.lab3.event_store import EventStore  # noqa: E402 - found in solutions only now
from labs.lab3.order import Order  # noqa: E402
from labs.lab3.temporal import TemporalQueryService  # noqa: E402

Ask = Callable[[datetime], OrderState]


def life(chance: random.Random) -> list[Event]:
    """20,000 events in a year, of 40 products."""
    made: list[Event] = [OrderCreated(order_id=ORDER, customer_id="2", occurred_at=BEGIN)]
    for number in range(1, EVENTS):
        at, item_id = BEGIN + YEAR * number / EVENTS, f"item-{chance.randrange(40)}"
        made.append(ItemAdded(order_id=ORDER, item_id=item_id, quantity=1, occurred_at=at))
    return made


def replayed(store: EventStore) -> Ask:
    """Answers by a full replay."""

    def ask(instant: datetime) -> OrderState:
        order = Order()
        for event in store.get_events_until(STREAM, instant):
            order.apply_event(event)
        return order.get_state()

    return ask


def timed(ask: Ask, instant: datetime) -> tuple[float, OrderState]:
    """Milliseconds that an answer took, and the answer."""
    start = time.perf_counter()
    state = ask(instant)
    return 1000 * (time.perf_counter() - start), state


def compared(instants: list[datetime]) -> list[tuple[float, float]]:
    """Milliseconds of the service and of the replay for each instant; they take turns at being first."""
    store = EventStore()
    service, replay = asking(), replayed(store)
    found = []
    for number, instant in enumerate(instants):
        pair = (service, replay) if number % 2 else (replay, service)
        took = {ask: timed(ask, instant) for ask in pair}
        assert took[service][1] == took[replay][1], f"two answers for {instant}"
        found.append((took[service][0], took[replay][0]))
    return found


def asking() -> Ask:
    """The service's answers, for the one order there is."""
    service = TemporalQueryService(EventStore())
    return lambda instant: service.get_order_state_at_time(ORDER, instant)


def pages(proxy: DynamoDBProxy, instants: list[datetime]) -> list[int]:
    """How many pages with items each question reads."""
    ask, counts = asking(), []
    for instant in instants:
        before = len(proxy.requests)
        ask(instant)
        counts.append(sum(r.operation in READS and r.returned > 0 for r in proxy.requests[before:]))
    return counts


def table(took: list[tuple[float, float]], counts: list[int]) -> str:
    """Medians and 95th percentiles, and the pages."""
    rows = [f"{'':>10} {'snapshot and tail':>18} {'full replay':>14} {'ratio':>7}"]
    columns = list(zip(*took, strict=True))
    for name, of in (("median", median), ("P95", lambda values: quantiles(values, n=20)[-1])):
        service, replay = map(of, columns)
        rows.append(f"{name:>10} {service:>15,.1f} ms {replay:>11,.1f} ms {replay / service:>6.0f}x")
    rows.append(f"{'pages':>10} {median(counts):>15g}    at most {max(counts)}, in {len(counts)} questions")
    return "\n".join(rows)


def main() -> None:
    """Start or find DynamoDB, measure, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=60, choices=range(20, 501), metavar="20…500")
    parser.add_argument("--backend", default=None, choices=settings.BACKENDS)
    options = parser.parse_args()
    chance = random.Random(1)
    instants = [BEGIN + YEAR * chance.random() for _ in range(options.questions)]
    with Services(settings.resolve(ROOT, options={"backend": options.backend}), print) as services:
        tables = DynamoDBSandbox(services.endpoint("dynamodb"), os.environ)
        tables.create_table("event-store", partition_key=("aggregate_id", "S"), sort_key=("version", "N"))
        try:
            events = life(chance)
            store = EventStore()
            for start in range(0, EVENTS, BATCH):
                store.append_events(STREAM, start, events[start : start + BATCH])
            asking()(BEGIN + YEAR)  # reads all of it, and takes the snapshots
            with tables.proxied() as proxy:
                counts = pages(proxy, instants)
            print(table(compared(instants), counts))
        finally:
            tables.close()


if __name__ == "__main__":
    main()
