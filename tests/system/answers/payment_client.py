"""The simplest client that does: no breaker, and what cannot be had is said to be pending."""

from typing import Any

import urllib3


class PaymentClient:
    """Charges at *url*."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/charges"
        self._pool = urllib3.PoolManager(maxsize=64, timeout=0.5, retries=False)

    def charge(self, charges: list[dict[str, Any]]) -> dict[str, Any]:
        """`charged`, or `pending` and marked as degraded."""
        try:
            asked = [{**charge, "key": f"charge-{charge['order_id']}"} for charge in charges]
            reply = self._pool.request("POST", self._url, json=asked)
        except urllib3.exceptions.HTTPError:
            return {"status": "pending", "degraded": True}
        return {"status": "charged"} if reply.status == 200 else {"status": "pending", "degraded": True}
