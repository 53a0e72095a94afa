"""A client whose breaker has a fallback of its own, which is what the client answers."""

import threading
from typing import Any

import urllib3

from labs.lab4.circuit_breaker import CircuitBreaker

TIMEOUT_S = 0.5
RETRIES_PER_CALL = 0.1
PENDING = {"status": "pending", "degraded": True}

Charge = dict[str, Any]


class PaymentFailed(Exception):
    pass


class PaymentBreaker(CircuitBreaker):
    def _fallback(self) -> dict[str, Any]:
        return dict(PENDING)


class RetryBudget:
    def __init__(self, per_call: float, most: float = 5.0) -> None:
        self._per_call, self._most = per_call, most
        self._left = most
        self._lock = threading.Lock()

    def earn(self) -> None:
        with self._lock:
            self._left = min(self._left + self._per_call, self._most)

    def spend(self) -> bool:
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True


class PaymentClient:
    def __init__(self, url: str, breaker: CircuitBreaker | None = None) -> None:
        self.breaker = breaker or PaymentBreaker(failure_threshold=5, recovery_timeout=1)
        self._url = f"{url}/charges"
        self._pool = urllib3.PoolManager(maxsize=64, timeout=urllib3.Timeout(total=TIMEOUT_S), retries=False)
        self._budget = RetryBudget(RETRIES_PER_CALL)

    def charge(self, charges: list[Charge]) -> dict[str, Any]:
        """`charged` if payment says so of all of them, else `pending`, marked as degraded; never raises."""
        try:
            return dict(self.breaker.call(self._charge, charges))
        except (urllib3.exceptions.HTTPError, PaymentFailed):
            return dict(PENDING)

    def _charge(self, charges: list[Charge]) -> dict[str, Any]:
        # The key follows from the order alone: whenever an order is charged again, it is the same charge.
        keyed = [{**charge, "key": f"charge-{charge['order_id']}"} for charge in charges]
        status = self._status(keyed)
        if status >= 500:
            raise PaymentFailed(f"payment answers {status}")
        return {"status": "charged"} if status == 200 else dict(PENDING)

    def _status(self, keyed: list[Charge]) -> int:
        self._budget.earn()
        try:
            return self._pool.request("POST", self._url, json=keyed).status
        except (urllib3.exceptions.ProtocolError, urllib3.exceptions.NewConnectionError):
            # Refused or cut off, so no time is lost yet: perhaps only this connection was an old one.
            if not self._budget.spend():
                raise
            return self._pool.request("POST", self._url, json=keyed).status
