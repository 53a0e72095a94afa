"""Goods set aside: `POST /reservations` with `order_id`, `item_id` and `quantity`, once for each order."""

from __future__ import annotations

import json

from aiohttp import web

from labs.lab4.shop import serving
from pytest_labkit.system.place import Place

RESERVATIONS = "shop:reservations"


def main(place: Place) -> None:
    """Serve until SIGTERM."""
    redis = serving.store(place)

    async def reserve(request: web.Request) -> web.Response:
        asked = await request.json()
        wanted = {"item_id": asked["item_id"], "quantity": asked["quantity"]}
        await redis.hsetnx(RESERVATIONS, asked["order_id"], json.dumps(wanted))
        return web.json_response({"status": "reserved", "order_id": asked["order_id"]})

    application = serving.application(place, {"redis": redis.ping})
    application.router.add_post("/reservations", reserve)
    serving.run(place, application)
