"""
What lab 4's shop carries with the model answers, and how soon a death is seen and over.

    python benchmarks/shop.py [--seconds 3] [--rounds 3] [--backend auto]

Charges a second of payment, by its own count, with more and more customers of Locust's, who order 200 a
second each. Then, as often as *rounds* says, payment is killed: how long until the page shows it, and until
the breaker is open; how long customers wait meanwhile for an answer, beside what the order service takes for
no work at all; and how long, from its start, until a thousand charges a second are made again.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from labs.lab4.checks.page import Shown
from labs.lab4.checks.shopping import CUSTOMERS, STEADY, Shop
from labs.lab4.checks.test_b7_fallback import pinged_ms
from pytest_labkit.checks.measure import percentile
from pytest_labkit.course import manifest
from pytest_labkit.dashboard.child import Page
from pytest_labkit.host import settings
from pytest_labkit.load import Load
from pytest_labkit.services import Services
from pytest_labkit.services.redis import own_database
from pytest_labkit.systems import under_test

ROOT = Path(__file__).parents[1]
DEADLINE_S = 60.0


def until(seen: Callable[[], bool]) -> float:
    """Seconds until *seen* says true."""
    began = time.monotonic()
    while not seen():
        if time.monotonic() > began + DEADLINE_S:
            raise TimeoutError(f"not seen in {DEADLINE_S:g} s")
        time.sleep(0.01)
    return time.monotonic() - began


def throughput(shop: Shop, seconds: float) -> str:
    """A row for each number of customers."""
    rows = [f"{'customers':>9} {'ordered/s':>10} {'charged/s':>10}   asked: {STEADY:,}"]
    for users in (5, 10, 20, 40):
        with Load(CUSTOMERS, shop.system.urls["order"], users, shop.folder / f"load-{users}"):
            until(lambda: shop.rate(0.2) > 0)
            time.sleep(2)  # all customers are there
            rows.append(f"{users:>9} {200 * users:>10,} {shop.rate(seconds):>10,.0f}")
    return "\n".join(rows)


def death(shop: Shop, page: Shown) -> dict[str, float]:
    """One death of payment, in seconds and milliseconds."""
    with shop.customers():
        found = {}
        with shop.dead():
            found["seen dead, s"] = until(lambda: "payment" in page.down())
            found["breaker open, s"] = found["seen dead, s"] + until(lambda: shop.breaker() == "OPEN")
            before = len(shop.times("pending"))
            pings = pinged_ms(shop)
            waits = shop.times("pending")[before:]
        found["recovered, s"] = until(shop.is_steady)
    return {
        **found,
        "pending P50, ms": percentile(waits, 0.5),
        "pending P95, ms": percentile(waits, 0.95),
        "ping P95, ms": percentile(pings, 0.95),
    }


def main() -> None:
    """Start or find Kafka and Redis, start the shop, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backend", default=None, choices=settings.BACKENDS)
    options = parser.parse_args()
    chosen = settings.resolve(ROOT, options={"backend": options.backend})
    lab = manifest.read(ROOT / "labs" / "lab4", ROOT)
    with tempfile.TemporaryDirectory() as folder, Services(chosen, print) as services:
        found = services.start(["kafka", "redis"])
        with own_database(found["redis"]) as redis:
            given = (found["kafka"], redis)
            with under_test.started(lab, given, chosen, Path(folder), (ROOT / "solutions",)) as system:
                shop = Shop(system, redis.address, Path(folder))
                print(throughput(shop, options.seconds))
                with Page(system.file) as page:
                    deaths = [death(shop, Shown(page)) for _ in range(options.rounds)]
                shop.close()
    asked = {"seen dead, s": "2", "recovered, s": "60", "pending P95, ms": "100"}
    for name in deaths[0]:
        values = [each[name] for each in deaths]
        wanted = f"   asked: {asked[name]}" if name in asked else ""
        print(f"{name:>16} {median(values):>8.2f}  (to {max(values):.2f}){wanted}")


if __name__ == "__main__":
    main()
