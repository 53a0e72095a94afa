"""
How far behind the read model of lab 3's model answer is, and how long it takes to be rebuilt.

    python benchmarks/read_models.py [--seconds 8] [--events 20000] [--backend auto]

Lag: 100 commits a second of 5 events, open loop, by 4 threads; from the return of `append_events` to the
moment `OrderView.order` shows the commit. The projector has a process of its own. Beside it: the stream by
itself, read by a process that writes each change to Redis as it comes, under the same load and at
the same time. Rebuild: of so many events, five in a commit, four commits to an order; beside it, the bare
reading of the same table.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import labs.lab3
from labs.lab3.events import Event, ItemAdded, OrderCreated
from pytest_labkit.checks.measure import percentile
from pytest_labkit.host import settings
from pytest_labkit.services import Services
from pytest_labkit.services.redis import own_database
from pytest_labkit.session.dynamodb import DynamoDBSandbox

ROOT = Path(__file__).parents[1]
TABLE = "event-store"
RATE, WRITERS = 100, 4
LATEST_S = 30.0
OLDEST = 8  # of those that are not shown yet, which are asked for: the questions are not to be the load

labs.lab3.__path__.insert(0, str(ROOT / "solutions" / "lab3"))

from labs.lab3 import event_store, projections, streams  # noqa: E402 - found in solutions only now

Shown = Callable[[str, int], bool]  # order, version -> whether it can be seen


def commit(order_id: str, version: int) -> list[Event]:
    """The next five events of an order that is at *version*."""
    first: list[Event] = [] if version else [OrderCreated(order_id=order_id, customer_id=f"c{len(order_id)}")]
    more = range(5 - len(first))
    return [*first, *(ItemAdded(order_id=order_id, item_id=f"item-{n}", quantity=1) for n in more)]


def project() -> None:
    """Run the model answer's projector for good."""
    projector = projections.Projector()
    while True:
        projector.run_once(0.5)


def copy() -> None:
    """Write the place of each change to Redis as it comes."""
    import redis

    client, stream = redis.Redis.from_url(os.environ["REDIS_URL"]), streams.DynamoDBStream()
    position = None
    while True:
        items, position = stream.read(position, wait_s=0.5)
        if items:
            client.sadd("copied", *(f"{i['aggregate_id']['S']} {i['version']['N']}" for i in items))


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """*work* in a process of its own."""
    process = multiprocessing.get_context("fork").Process(target=work, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def lags(shown: list[Shown], seconds: float) -> list[list[float]]:
    """The milliseconds from the return of each append until each of *shown* sees it."""
    store, stored = event_store.EventStore(), []
    begins, count = time.perf_counter() + 0.5, int(RATE * seconds)

    def write(writer: int) -> None:
        for number in range(writer, count, WRITERS):
            order_id, version = f"{number % (count // 2)}", 5 * (number // (count // 2))
            events = commit(order_id, version)
            time.sleep(max(0.0, begins + number / RATE - time.perf_counter()))
            store.append_events(f"order-{order_id}", version, events)
            stored.append((order_id, version + 5, time.perf_counter()))

    threads = [threading.Thread(target=write, args=(writer,), daemon=True) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    taken: list[list[float]] = [[] for _ in shown]
    waiting: list[list[Any]] = [[] for _ in shown]
    at = 0
    while min(map(len, taken)) < count:
        if time.perf_counter() > begins + seconds + LATEST_S:
            raise TimeoutError(f"{count} commits, of which only {[*map(len, taken)]} were shown")
        new, at = stored[at:], len(stored)
        for number, is_shown in enumerate(shown):
            left = []
            waiting[number] += new
            for order_id, version, returned in waiting[number][:OLDEST]:
                if is_shown(order_id, version):
                    taken[number].append((time.perf_counter() - returned) * 1000)
                else:
                    left.append((order_id, version, returned))
            waiting[number] = left + waiting[number][OLDEST:]
        time.sleep(0.004)
    return taken


def lag_table(seconds: float) -> str:
    """The lag of the model answer and that of the bare stream, by percentiles."""
    import redis

    client, view = redis.Redis.from_url(os.environ["REDIS_URL"]), projections.OrderView()

    def is_shown(order_id: str, version: int) -> bool:
        state = view.order(order_id)
        return state is not None and state.version >= version

    def is_copied(order_id: str, version: int) -> bool:
        return bool(client.sismember("copied", f"order-{order_id} {version - 4}"))

    with beside(project), beside(copy):
        time.sleep(2.0)
        found = lags([is_shown, is_copied], seconds)
    rows = [f"{'lag':>14} {'p50':>9} {'p95':>9} {'max':>9}"]
    for name, values in zip(("model answer", "bare stream"), found, strict=True):
        figures = percentile(values, 0.5), percentile(values, 0.95), max(values)
        rows.append(f"{name:>14} " + " ".join(f"{figure:>6.0f} ms" for figure in figures))
    return "\n".join(rows)


def rebuild_table(events: int) -> str:
    """How long a rebuild of so many events takes, and the bare reading of the table."""
    store = event_store.EventStore()
    for number in range(events // 20):
        for version in range(0, 20, 5):
            store.append_events(f"order-r{number}", version, commit(f"r{number}", version))
    projector, start = projections.Projector(), time.perf_counter()
    projector.rebuild()
    took, start = time.perf_counter() - start, time.perf_counter()
    size = sum(len(json.dumps(item, default=repr)) for page in streams.whole_table() for item in page)
    bare = time.perf_counter() - start
    return (
        f"rebuild of {events:,} events: {took:.1f} s; the bare reading of {size:,} characters: {bare:.1f} s"
    )


def main() -> None:
    """Start or find the services, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--backend", default=None, choices=settings.BACKENDS)
    options = parser.parse_args()
    with Services(settings.resolve(ROOT, options={"backend": options.backend}), print) as services:
        found = services.start(["dynamodb", "redis"])
        tables = DynamoDBSandbox(found["dynamodb"], os.environ)
        with own_database(found["redis"]) as endpoint:
            os.environ.update(endpoint.env)
            tables.create_table(TABLE, partition_key=("aggregate_id", "S"), sort_key=("version", "N"))
            tables.start_stream(TABLE)
            try:
                print(lag_table(options.seconds))
                print(rebuild_table(options.events))
            finally:
                tables.close()


if __name__ == "__main__":
    main()
