"""
Lab 4, part B: how the order service calls payment.

The order service makes one `PaymentClient`, and up to 64 threads use it at the same time.
"""

from typing import Any

from labs.lab4.circuit_breaker import CircuitBreaker


class PaymentClient:
    """
    Charges orders at the payment service. Promises B1.1 to B1.4, B5.2, B6.1, B7.8, B7.9, X1.1 in README.md.

    Args:
        url: Where the service is, like `http://127.0.0.1:20001`.
        breaker: Stands between the two; one of its own if left out.
    """

    def __init__(self, url: str, breaker: CircuitBreaker | None = None) -> None:
        self.url = url
        self.breaker = breaker or CircuitBreaker(failure_threshold=5, recovery_timeout=1)

    def charge(self, charges: list[dict[str, Any]]) -> dict[str, Any]:
        """
        Have `charges` made, each like `{"order_id": "o-1", "amount": 1250}`, by one `POST /charges`.

        `{"status": "charged"}` if payment says 200, else `{"status": "pending", "degraded": True}`.
        Promises B5.1, B7.1 to B7.7 in README.md.
        """
        raise NotImplementedError("TODO B7: charge calls payment through the breaker")
