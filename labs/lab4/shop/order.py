"""
Takes orders: `POST /orders` with `order_id`, `item_id`, `quantity` and `amount` (a whole number of cents).

An order that is taken is in Redis before anything is done for it, and stays in `shop:open` until it is
charged, its goods are set aside, and its message is in Kafka. What could not be done at once is tried again
every half second, also by a service that was killed and started again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
from aiohttp import web
from confluent_kafka import Producer
from redis.exceptions import RedisError

from labs.lab4.payment_client import PaymentClient
from labs.lab4.shop import serving, topic
from pytest_labkit.system.place import Place

ORDERS, OPEN = "shop:orders", "shop:open"
_CALLS = 64  # that may wait for the student's client at the same time
_AT_ONCE = 16  # orders that are settled side by side
_SETTLE_S = 0.5
_TIMEOUT_S = 1.0

Order = dict[str, Any]


class Orders:
    """What is done for an order, step by step; every step may be done again."""

    def __init__(self, place: Place) -> None:
        self.redis = serving.store(place)
        self.client = PaymentClient(place.url("payment"))
        self.kafka = Producer({**topic.settings(place), "message.timeout.ms": 5000, "linger.ms": 5})
        self._place = place
        self._threads = ThreadPoolExecutor(_CALLS, "payment")
        self._busy: set[str] = set()
        self.http: aiohttp.ClientSession

    async def living(self, _: web.Application) -> AsyncIterator[None]:
        """Have the connections, and settle what is open, as long as the service runs."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(
            timeout=timeout, connector=aiohttp.TCPConnector(limit=0)
        ) as self.http:
            tasks = [asyncio.create_task(self._settle()), asyncio.create_task(self._poll())]
            yield
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.kafka.flush(1)

    async def take(self, order: Order) -> web.Response:
        """Take *order*: 201 once it is charged, 202 if that is still to come, 503 if it cannot be had."""
        try:
            async with self.redis.pipeline(transaction=True) as batch:
                batch.hset(ORDERS, order["order_id"], json.dumps(order)).sadd(OPEN, order["order_id"])
                await batch.execute()
        except (RedisError, OSError) as error:
            logging.warning("Redis does not take an order: %s", error)
            raise web.HTTPServiceUnavailable(text="no order can be taken now") from error
        try:
            answer = await self._advance(order)
        except Exception as error:
            logging.warning("payment_client raised %r", error)
            raise web.HTTPServiceUnavailable(text="it may yet be charged") from error
        return web.json_response(
            {"order_id": order["order_id"], **answer}, status=201 if answer["status"] == "charged" else 202
        )

    async def ping(self, service: str) -> None:
        """Raises unless *service* answers over its link."""
        async with self.http.get(self._place.url(service) + "/ping") as response:
            response.raise_for_status()

    async def _advance(self, order: Order) -> dict[str, Any]:
        """Go as far with *order* as can be gone now; what the student's client said."""
        self._busy.add(order["order_id"])
        try:
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(
                self._threads, self.client.charge, order["order_id"], order["amount"]
            )
            if answer["status"] == "charged":
                await self._finish(order)
            return dict(answer)
        finally:
            self._busy.discard(order["order_id"])

    async def _finish(self, order: Order) -> None:
        """Set the goods aside and say so; what fails is tried again later."""
        try:
            async with self.http.post(self._place.url("inventory") + "/reservations", json=order) as response:
                response.raise_for_status()
            await self._publish({"order_id": order["order_id"], "status": "charged"})
            await self.redis.srem(OPEN, order["order_id"])
        except (aiohttp.ClientError, TimeoutError, RedisError, OSError, RuntimeError) as error:
            logging.warning("order %s is not finished yet: %r", order["order_id"], error)

    async def _publish(self, message: dict[str, str]) -> None:
        """Return once *message* is in Kafka; `RuntimeError` if it could not be had there in time."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def delivered(error: object, _: object) -> None:
            if done.done():
                return
            done.set_exception(RuntimeError(str(error))) if error else done.set_result(None)

        self.kafka.produce(
            topic.DONE,
            json.dumps(message),
            key=message["order_id"],
            on_delivery=lambda error, record: loop.call_soon_threadsafe(delivered, error, record),
        )
        await done

    async def _poll(self) -> None:
        """Have the producer tell what it has delivered: its callbacks run in here."""
        while True:
            await asyncio.sleep(0 if self.kafka.poll(0) else 0.002)

    async def _settle(self) -> None:
        """Try again what is open, for ever."""
        while True:
            await asyncio.sleep(_SETTLE_S)
            try:
                waiting = sorted(await self.redis.smembers(OPEN) - self._busy)
                for start in range(0, len(waiting), _AT_ONCE):
                    some = await self.redis.hmget(ORDERS, waiting[start : start + _AT_ONCE])
                    orders = [json.loads(text) for text in some if text]
                    await asyncio.gather(*map(self._advance, orders), return_exceptions=True)
            except (RedisError, OSError) as error:
                logging.warning("Redis does not say what is open: %s", error)


def _read(asked: Any) -> Order:
    """*asked* as an order; `HTTPBadRequest` if it is none."""
    kinds = {"order_id": str, "item_id": str, "quantity": int, "amount": int}
    if not isinstance(asked, dict) or any(type(asked.get(name)) is not kind for name, kind in kinds.items()):
        raise web.HTTPBadRequest(text="an order has order_id, item_id, quantity and amount")
    return {name: asked[name] for name in kinds}


def main(place: Place) -> None:
    """Serve until SIGTERM."""
    orders = Orders(place)

    async def take(request: web.Request) -> web.Response:
        return await orders.take(_read(await request.json()))

    dependencies = {
        "payment": lambda: orders.ping("payment"),
        "inventory": lambda: orders.ping("inventory"),
        "redis": orders.redis.ping,
        "kafka": topic.Reachable(place),
    }
    application = serving.application(place, dependencies)
    application.cleanup_ctx.append(orders.living)
    application.router.add_post("/orders", take)
    serving.run(place, application)
