"""
Customers, for Locust: each sends 50 orders four times a second.

By hand, beside `labkit up lab4 --chaos`: locust -f labs/lab4/shop/customers.py --headless -u 10 -H $ORDER_URL

An answer is counted under what it says: `charged`, `pending`, or `unmarked` for one that is pending and does
not say that it is degraded. If SHOP_ACCEPTED names a file, each order that was taken is a line in it: id,
amount, and what was said; if SHOP_TIMES does, each answer: what was said, and the milliseconds it took.
"""

from __future__ import annotations

import itertools
import os
import random
import secrets
from pathlib import Path
from typing import Any, TextIO

from locust import HttpUser, constant_throughput, task

ORDERS, TIMES_A_SECOND, PATIENCE_S = 50, 4, 2.0


def _opened(variable: str) -> TextIO | None:
    place = os.environ.get(variable)
    return Path(place).open("a", encoding="utf-8") if place else None


class Customer(HttpUser):
    """Waits no longer than PATIENCE_S for an answer."""

    wait_time = constant_throughput(TIMES_A_SECOND)

    def on_start(self) -> None:
        """A customer's orders have names that nobody else's have."""
        self.name = secrets.token_hex(4)
        self.numbers = itertools.count(1)
        self.accepted, self.times = _opened("SHOP_ACCEPTED"), _opened("SHOP_TIMES")

    def on_stop(self) -> None:
        """Nothing is left unwritten."""
        for file in (self.accepted, self.times):
            if file:
                file.close()

    @task
    def order(self) -> None:
        """Send orders, and see what becomes of them."""
        orders = [self._made(number) for number in itertools.islice(self.numbers, ORDERS)]
        with self.client.post(
            "/orders", json=orders, name="refused", catch_response=True, timeout=PATIENCE_S
        ) as response:
            if response.status_code not in (201, 202):
                response.failure(f"status {response.status_code}")
                return
            said = response.json()
            outcome = "charged" if response.status_code == 201 else "pending"
            marked = outcome == "charged" or said.get("degraded") is True
            response.request_meta["name"] = outcome if marked else "unmarked"
            response.success()
        if self.times:
            self.times.write(f"{outcome} {response.request_meta['response_time']:.3f}\n")
            self.times.flush()
        self._note(orders, outcome)

    def _made(self, number: int) -> dict[str, Any]:
        goods = {"item_id": "book", "quantity": 1, "amount": random.randint(100, 9_999)}
        return {"order_id": f"{self.name}-{number}", **goods}

    def _note(self, orders: list[dict[str, Any]], outcome: str) -> None:
        if self.accepted:
            self.accepted.writelines(f"{o['order_id']} {o['amount']} {outcome}\n" for o in orders)
            self.accepted.flush()
