"""Don't change this file: the shop as the checks of part B see it, its customers, and what was charged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import redis

from pytest_labkit import expect
from pytest_labkit.chaos import probes
from pytest_labkit.load import Load

CUSTOMERS = Path(__file__).parents[1] / "shop" / "customers.py"
USERS, FEW = 10, 2
STEADY = 1000
"""Charges a second: half of what USERS order, and more than FEW do."""

TOLD = {"dead": "dead", "cut_off": "cut off", "late": "two seconds late"}
"""What the faults of a `Shop` do to payment, in words."""

LATE_S = 2.0

RECOVERED_S = 45.0
"""After a fault; B6.1."""

_STEADY_S, _CHARGED_S = 20.0, 25.0


class Shop:
    """The four services, run with your client, and the Redis that they keep everything in."""

    def __init__(self, system: Any, store_url: str, folder: Path) -> None:
        self.system = system
        self.folder = folder
        self._store = redis.Redis.from_url(store_url, decode_responses=True)
        self._accepted, self._times = folder / "accepted", folder / "times"
        self._visits = 0

    @contextmanager
    def customers(self) -> Iterator[Load]:
        """Customers who send two thousand orders a second; inside, payment is making a thousand and more."""
        with self._visited_by(USERS) as load:
            self.gets_steady(_STEADY_S)
            yield load

    @contextmanager
    def few_customers(self) -> Iterator[None]:
        """Customers who send four hundred orders a second; inside, payment is making charges."""
        with self._visited_by(FEW):
            expect.eventually(
                True,
                lambda: self.rate(0.2) > 0,
                within_s=_STEADY_S,
                checked="payment makes charges while a few customers order",
            )
            yield

    def _visited_by(self, users: int) -> Load:
        self._visits += 1
        folder = self.folder / f"customers-{self._visits}"
        environ = {"SHOP_ACCEPTED": str(self._accepted), "SHOP_TIMES": str(self._times)}
        return Load(CUSTOMERS, self.system.urls["order"], users, folder, environ)

    @contextmanager
    def dead(self) -> Iterator[None]:
        """Payment is killed; started again in the end."""
        self.system.member("payment").kill()
        try:
            yield
        finally:
            self.system.start("payment")

    def cut_off(self) -> AbstractContextManager[Any]:
        """Nothing comes through between order and payment; what was sent arrives in the end."""
        return self._way.stall()

    def late(self) -> AbstractContextManager[Any]:
        """Payment's answers to order are two seconds late."""
        return self._way.latency(LATE_S, direction="downstream")

    def unheard(self) -> AbstractContextManager[Any]:
        """Payment charges, and order never hears of it: the connection is reset instead."""
        return self._way.limit_data()

    @property
    def _way(self) -> Any:
        return self.system.link("order", "payment")

    def gets_steady(self, within_s: float) -> None:
        """It gets to a thousand charges a second and a closed breaker."""
        expect.eventually(
            True,
            self.is_steady,
            within_s=within_s,
            perhaps="charge() sends one POST for a list, on connections that are kept; the breaker lets "
            "calls run side by side, and closes when payment is well",
            checked=f"payment makes {STEADY} charges a second, and the breaker is closed",
        )

    def is_steady(self) -> bool:
        """Whether it is, over half a second."""
        return self.rate() >= STEADY and self.breaker() == "CLOSED"

    def rate(self, seconds: float = 0.5) -> float:
        """Charges a second."""
        return probes.rate_at(self.system.urls["payment"], "shop_charges_total", seconds)

    def breaker(self) -> str:
        """The state of the breaker, as the order service shows it."""
        return probes.said_at(self.system.urls["order"], "breaker")

    def accepted(self) -> dict[str, tuple[int, str]]:
        """Each order that a customer was told is taken: its amount, and what was said of it."""
        lines = self._accepted.read_text("utf-8").splitlines() if self._accepted.exists() else []
        return {id_: (int(amount), said) for id_, amount, said in map(str.split, lines)}

    def times(self, outcome: str) -> list[float]:
        """How long customers waited so far for each answer that said *outcome*, in milliseconds."""
        lines = self._times.read_text("utf-8").splitlines() if self._times.exists() else []
        return [float(ms) for said, ms in map(str.split, lines) if said == outcome]

    def charges(self) -> list[dict[str, Any]]:
        """What payment has charged, each charge once."""
        return [json.loads(charge) for charge in self._store.hvals("shop:charges")]

    def all_settled(self) -> None:
        """The order service has nothing left to do."""
        expect.eventually(
            0,
            lambda: self._store.scard("shop:open"),
            within_s=_CHARGED_S,
            every_s=0.2,
            checked="orders that are pending are charged once payment is back",
            perhaps="the order service calls charge() again for what is pending: it has to work then, with "
            "the same key for an order as before",
        )

    def close(self) -> None:
        """Give back the connection."""
        self._store.close()
