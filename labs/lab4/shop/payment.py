"""
Charges: `POST /charges` with a list of them, each with `order_id`, `amount` and a `key`: 200 if all are made.

One key is charged once, however often it is sent. Each charge is a field of the hash `shop:charges` in Redis,
and that is where the kit counts them. `POST /faults` with a `share` makes that share of the lists fail.
"""

from __future__ import annotations

import json
import random
from typing import Any

from aiohttp import web
from prometheus_client import Counter
from redis.asyncio import Redis

from labs.lab4.shop import serving
from pytest_labkit.systems.place import Place

CHARGES = "shop:charges"
_CHARGED = Counter("shop_charges_total", "Charges made, those included that had been made before")


def main(place: Place) -> None:
    """Serve until SIGTERM."""
    redis = serving.store(place)

    failing = 0.0

    async def fail(request: web.Request) -> web.Response:
        nonlocal failing
        failing = float((await request.json())["share"])
        return web.Response(text="so be it")

    async def charge(request: web.Request) -> web.Response:
        if random.random() < failing:
            raise web.HTTPInternalServerError(text="it does not work")
        await _charge(redis, _read(await request.json()))
        return web.json_response({"status": "charged"})

    application = serving.application(place, {"redis": redis.ping})
    application.router.add_post("/charges", charge)
    application.router.add_post("/faults", fail)
    serving.run(place, application)


def _read(asked: Any) -> dict[str, str]:
    """What is to be charged, by key; `HTTPBadRequest` if that is not what *asked* is."""
    wanted: dict[str, str] = {}
    for one in asked if isinstance(asked, list) else [None]:
        match one:
            case {"order_id": str() as order_id, "amount": int() as amount, "key": str() as key} if key:
                wanted[key] = json.dumps({"order_id": order_id, "amount": amount})
            case _:
                raise web.HTTPBadRequest(text="a list of charges with order_id, amount and key is needed")
    return wanted


async def _charge(redis: Redis, wanted: dict[str, str]) -> None:
    """Charge each key that is not charged yet; `HTTPConflict` if one of them is, for something else."""
    if not wanted:
        return
    async with redis.pipeline(transaction=True) as batch:
        for key, charge in wanted.items():
            batch.hsetnx(CHARGES, key, charge)
        batch.hmget(CHARGES, list(wanted))
        *_, charged = await batch.execute()
    _CHARGED.inc(sum(found == charge for charge, found in zip(wanted.values(), charged, strict=True)))
    for (key, charge), found in zip(wanted.items(), charged, strict=True):
        if found != charge:
            raise web.HTTPConflict(text=f"another charge has the key {key}")
