"""
How fast the model answer of lab 3 appends, beside bare botocore writing the same bytes.

    python benchmarks/append_throughput.py [--rounds 9] [--seconds 2] [--backend auto]

Both write batches of 100 events with 4 threads, each thread to a stream of its own, in turn, so that a
busy neighbour slows both. Bare botocore is `put_item` of boto3's client, as it comes, with a condition,
on bytes that were encoded before the clock started; the model answer validates and encodes too. What
counts is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import labs.lab3
from labs.lab3.events import ItemAdded
from pytest_labkit.host import settings
from pytest_labkit.services import Services
from pytest_labkit.services.aws import new_session
from pytest_labkit.session.dynamodb import DynamoDBSandbox

ROOT = Path(__file__).parents[1]
TABLE = "event-store"
WRITERS = 4
BATCH = 100

labs.lab3.__path__.insert(0, str(ROOT / "solutions" / "lab3"))

from labs.lab3 import event_store  # noqa: E402 - found in solutions only now

Append = Callable[[str, int], None]  # stream and version -> one batch more


def batch() -> list[ItemAdded]:
    """100 events that all differ."""
    return [
        ItemAdded(order_id="123", item_id=f"item-{secrets.token_hex(3)}", quantity=number)
        for number in range(1, BATCH + 1)
    ]


def model_answer(batches: list[list[ItemAdded]]) -> Append:
    """Appends through the model answer's `EventStore`."""
    store = event_store.EventStore()

    def append(stream: str, version: int) -> None:
        store.append_events(stream, version, batches[version // BATCH % len(batches)])

    return append


def bare_botocore(batches: list[list[ItemAdded]]) -> Append:
    """Puts the bytes that the model answer would put, encoded beforehand."""
    client = new_session().client("dynamodb")
    bodies = [event_store.encoded(events) for events in batches]

    def append(stream: str, version: int) -> None:
        client.put_item(
            TableName=TABLE,
            Item={
                "aggregate_id": {"S": stream},
                "version": {"N": str(version + 1)},
                "events": {"B": bodies[version // BATCH % len(bodies)]},
            },
            ConditionExpression="attribute_not_exists(version)",
        )

    return append


def events_a_second(append: Append, seconds: float) -> float:
    """The rate of events that were acknowledged to all writers."""
    counts = [0] * WRITERS
    name = secrets.token_hex(4)
    start = time.perf_counter()

    def write(writer: int) -> None:
        while time.perf_counter() < start + seconds:
            append(f"{name}-{writer}", counts[writer])
            counts[writer] += BATCH

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - start)


def measured(rounds: int, seconds: float) -> list[tuple[float, float]]:
    """
    Rates of the model answer and of bare botocore, after a round that is not counted.

    They take turns at being first: what one leaves behind for the other, both have to bear.
    """
    batches = [batch() for _ in range(50)]
    model, bare = model_answer(batches), bare_botocore(batches)
    rates = []
    for number in range(rounds + 1):
        pair = (model, bare) if number % 2 else (bare, model)
        found = {append: events_a_second(append, seconds) for append in pair}
        if number:
            rates.append((found[model], found[bare]))
    return rates


def table(rates: list[tuple[float, float]]) -> str:
    """The rates, a row for each round, and their medians."""
    rows = [f"{'round':>6} {'model answer':>15} {'bare botocore':>15} {'ratio':>7}"]
    for number, (model, bare) in enumerate(rates, 1):
        rows.append(f"{number:>6} {model:>11,.0f} ev/s {bare:>10,.0f} ev/s {model / bare:>7.2f}")
    model, bare = (median(column) for column in zip(*rates, strict=True))
    ratio = median(model / bare for model, bare in rates)
    rows.append(f"{'median':>6} {model:>11,.0f} ev/s {bare:>10,.0f} ev/s {ratio:>7.2f}")
    return "\n".join(rows)


def main() -> None:
    """Start or find DynamoDB, measure, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, choices=range(1, 31), metavar="1…30")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--backend", default=None, choices=settings.BACKENDS)
    options = parser.parse_args()
    with Services(settings.resolve(ROOT, options={"backend": options.backend}), print) as services:
        tables = DynamoDBSandbox(services.endpoint("dynamodb"), os.environ)
        tables.create_table(TABLE, partition_key=("aggregate_id", "S"), sort_key=("version", "N"))
        try:
            print(table(measured(options.rounds, min(options.seconds, 10.0))))
        finally:
            tables.close()


if __name__ == "__main__":
    main()
