"""
Charges: `POST /charges` with `order_id`, `amount` and the header `Idempotency-Key`.

One key is charged once, however often it is sent. Each charge is a field of the hash `shop:charges` in Redis,
and that is where the kit counts them.
"""

from __future__ import annotations

import json

from aiohttp import web

from labs.lab4.shop import serving
from pytest_labkit.system.place import Place

CHARGES = "shop:charges"


def main(place: Place) -> None:
    """Serve until SIGTERM."""
    redis = serving.store(place)

    async def charge(request: web.Request) -> web.Response:
        key = request.headers.get("Idempotency-Key")
        asked = await request.json()
        if not key or not isinstance(asked.get("order_id"), str) or type(asked.get("amount")) is not int:
            raise web.HTTPBadRequest(text="order_id, amount and the header Idempotency-Key are needed")
        wanted = {"order_id": asked["order_id"], "amount": asked["amount"]}
        if not await redis.hsetnx(CHARGES, key, json.dumps(wanted)):
            charged = json.loads(await redis.hget(CHARGES, key) or "{}")
            if charged != wanted:
                raise web.HTTPConflict(text=f"another charge has the key {key}")
        return web.json_response({"status": "charged", **wanted})

    application = serving.application(place, {"redis": redis.ping})
    application.router.add_post("/charges", charge)
    serving.run(place, application)
