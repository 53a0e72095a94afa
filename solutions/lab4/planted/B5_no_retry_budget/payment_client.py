"""
The model answer to lab 4, part B: how the order service calls payment.

The breaker is outermost, so that a call it does not let through costs nothing; inside of it is one attempt
with a deadline, and a second one.
"""

from typing import Any

import urllib3

from labs.lab4.circuit_breaker import CircuitBreaker

TIMEOUT_S = 0.5
CHARGED = {"status": "charged"}
PENDING = {"status": "pending", "degraded": True}

Charge = dict[str, Any]


class PaymentFailed(Exception):
    """Payment did not say that it has charged."""


class PaymentClient:
    """
    Charges orders at the payment service.

    Args:
        url: Where the service is.
        breaker: Stands between the two; one of its own if left out.
    """

    def __init__(self, url: str, breaker: CircuitBreaker | None = None) -> None:
        self.breaker = breaker or CircuitBreaker(failure_threshold=5, recovery_timeout=1)
        self._url = f"{url}/charges"
        self._pool = urllib3.PoolManager(maxsize=64, timeout=urllib3.Timeout(total=TIMEOUT_S), retries=False)

    def charge(self, charges: list[Charge]) -> dict[str, Any]:
        """`charged` if payment says so of all of them, else `pending`, marked as degraded; never raises."""
        try:
            said = self.breaker.call(self._charge, charges)
        except (urllib3.exceptions.HTTPError, PaymentFailed):
            said = PENDING
        return dict(CHARGED if said is CHARGED else PENDING)  # whatever the fallback of a breaker may be

    def _charge(self, charges: list[Charge]) -> dict[str, Any]:
        # The key follows from the order alone: whenever an order is charged again, it is the same charge.
        keyed = [{**charge, "key": f"charge-{charge['order_id']}"} for charge in charges]
        status = self._status(keyed)
        if status >= 500:
            raise PaymentFailed(f"payment answers {status}")
        return CHARGED if status == 200 else PENDING

    def _status(self, keyed: list[Charge]) -> int:
        try:
            return self._pool.request("POST", self._url, json=keyed).status
        except (urllib3.exceptions.ProtocolError, urllib3.exceptions.NewConnectionError):
            # Refused or cut off, so no time is lost yet: perhaps only this connection was an old one.
            return self._pool.request("POST", self._url, json=keyed).status
