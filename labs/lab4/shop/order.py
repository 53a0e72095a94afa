"""
Takes orders: `POST /orders` with one or a list: `order_id`, `item_id`, `quantity` and `amount`, in cents.

An order that is taken is in Redis before anything is done for it, and stays in `shop:open` until it is
charged, its goods are set aside, and its message is in Kafka. What could not be done at once is tried again
every half second, also by a service that was killed and started again.

Orders go in batches to payment and inventory: Python's HTTP takes a millisecond of processor a request, and a
thousand orders a second have two cores for the whole shop.
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
from pytest_labkit.systems.place import Place

ORDERS, OPEN = "shop:orders", "shop:open"
_CALLS = 64  # that may wait for the student's client at the same time
MOST = 200  # orders in one request
_BATCH, _AT_ONCE = 100, 4  # orders that are settled together, and batches side by side
_SETTLE_S = 0.5
_TIMEOUT_S = 1.0

Order = dict[str, Any]


class Orders:
    """What is done for an order, step by step; every step may be done again."""

    def __init__(self, place: Place) -> None:
        self.redis = serving.store(place)
        self.client = PaymentClient(place.url("payment"))
        self._watch_breaker()
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

    async def take(self, orders: list[Order]) -> web.Response:
        """Take *orders*: 201: charged, 202: that is still to come, 503: they cannot be had."""
        ids = [order["order_id"] for order in orders]
        try:
            async with self.redis.pipeline(transaction=True) as batch:
                batch.hset(ORDERS, mapping={order["order_id"]: json.dumps(order) for order in orders})
                await batch.sadd(OPEN, *ids).execute()
        except (RedisError, OSError) as error:
            logging.warning("Redis does not take %d orders: %s", len(orders), error)
            raise web.HTTPServiceUnavailable(text="no order can be taken now") from error
        try:
            answer = await self._advance(orders)
        except Exception as error:
            logging.warning("payment_client raised %r", error)
            raise web.HTTPServiceUnavailable(text="they may yet be charged") from error
        return web.json_response(
            {"order_ids": ids, **answer}, status=201 if answer["status"] == "charged" else 202
        )

    def breaker_state(self) -> str | None:
        """The state of the client's breaker, `None` if it has none that says one."""
        state = getattr(getattr(self.client, "breaker", None), "state", None)
        return str.__str__(state) if isinstance(state, str) else None  # of an Enum's member too its value

    def _watch_breaker(self) -> None:
        """
        Have the student's metrics of the breaker among those of this service, once they are written.

        The shop does without them while they are not, or while monitoring.py cannot be imported.
        """
        try:
            from labs.lab4 import monitoring

            monitoring.watch(self.client.breaker, "payment")
        except NotImplementedError:
            logging.info("monitoring.watch is still to be written")
        except Exception as error:
            logging.warning("monitoring.py raised %r", error)

    async def ping(self, service: str) -> None:
        """Raises unless *service* answers over its link."""
        async with self.http.get(self._place.url(service) + "/ping") as response:
            response.raise_for_status()

    async def _advance(self, orders: list[Order]) -> dict[str, Any]:
        """Go as far with *orders* as can be gone now; what the student's client said."""
        ids = {order["order_id"] for order in orders}
        self._busy |= ids
        try:
            charges = [{"order_id": order["order_id"], "amount": order["amount"]} for order in orders]
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._threads, self.client.charge, charges)
            if answer["status"] == "charged":
                await self._finish(orders)
            return dict(answer)
        finally:
            self._busy -= ids

    async def _finish(self, orders: list[Order]) -> None:
        """Set the goods aside and say so; what fails is tried again later."""
        ids = [order["order_id"] for order in orders]
        try:
            async with self.http.post(
                self._place.url("inventory") + "/reservations", json=orders
            ) as response:
                response.raise_for_status()
            await asyncio.gather(*(self._publish({"order_id": id_, "status": "charged"}) for id_ in ids))
            await self.redis.srem(OPEN, *ids)
        except (aiohttp.ClientError, TimeoutError, RedisError, OSError, RuntimeError) as error:
            logging.warning("%d orders are not finished yet: %r", len(orders), error)

    async def _publish(self, message: dict[str, str]) -> None:
        """Return once *message* is in Kafka; `RuntimeError` if it could not be had there in time."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def delivered(error: object, _: object) -> None:
            if done.done():
                return
            done.set_exception(RuntimeError(str(error))) if error else done.set_result(None)

        self.kafka.produce(
            topic.done(self._place),
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
                await self._settle_what_is_open()
            except (RedisError, OSError) as error:
                logging.warning("Redis does not say what is open: %s", error)

    async def _settle_what_is_open(self) -> None:
        """As long as payment takes it: what it does not take it need not be asked for at once again."""
        waiting = sorted(await self.redis.smembers(OPEN) - self._busy)
        batches = [waiting[start : start + _BATCH] for start in range(0, len(waiting), _BATCH)]
        for start in range(0, len(batches), _AT_ONCE):
            answers = await asyncio.gather(
                *map(self._again, batches[start : start + _AT_ONCE]), return_exceptions=True
            )
            if not any(isinstance(answer, dict) and answer["status"] == "charged" for answer in answers):
                return

    async def _again(self, ids: list[str]) -> dict[str, Any]:
        texts = await self.redis.hmget(ORDERS, ids)
        return await self._advance([json.loads(text) for text in texts if text])


def _read(asked: Any) -> list[Order]:
    """*asked* as orders; `HTTPBadRequest` if it is none."""
    asked = asked if isinstance(asked, list) else [asked]
    if not 1 <= len(asked) <= MOST:
        raise web.HTTPBadRequest(text=f"a request has 1 to {MOST} orders")
    kinds = {"order_id": str, "item_id": str, "quantity": int, "amount": int}
    for order in asked:
        if not isinstance(order, dict) or any(
            type(order.get(name)) is not kind for name, kind in kinds.items()
        ):
            raise web.HTTPBadRequest(text="an order has order_id, item_id, quantity and amount")
    return [{name: order[name] for name in kinds} for order in asked]


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
    application = serving.application(place, dependencies, lambda: {"breaker": orders.breaker_state()})
    application.cleanup_ctx.append(orders.living)
    application.router.add_post("/orders", take)
    serving.run(place, application)
