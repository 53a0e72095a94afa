"""Goods set aside: `POST /reservations` with a list of `order_id`, `item_id`, `quantity`; once each."""

from __future__ import annotations

import json

from aiohttp import web

from labs.lab4.shop import serving
from pytest_labkit.systems.place import Place

RESERVATIONS = "shop:reservations"


def main(place: Place) -> None:
    """Serve until SIGTERM."""
    redis = serving.store(place)

    async def reserve(request: web.Request) -> web.Response:
        async with redis.pipeline(transaction=True) as batch:
            for order in await request.json():
                wanted = {"item_id": order["item_id"], "quantity": order["quantity"]}
                batch.hsetnx(RESERVATIONS, order["order_id"], json.dumps(wanted))
            await batch.execute()
        return web.json_response({"status": "reserved"})

    application = serving.application(place, {"redis": redis.ping})
    application.router.add_post("/reservations", reserve)
    serving.run(place, application)
