"""Tells customers: consumes the orders that are done, and writes each once into `shop:notified` in Redis."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator

from aiohttp import web
from confluent_kafka import Consumer, KafkaException
from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from labs.lab4.shop import serving, topic
from pytest_labkit.systems.place import Place

NOTIFIED = "shop:notified"
_BATCH, _WAIT_S, _AGAIN_S = 500, 0.2, 0.2
_NOTED = Counter("shop_messages_total", "Messages written down, those included that had been before")


def main(place: Place) -> None:
    """Serve and consume until SIGTERM."""
    redis = serving.store(place)
    stopping = asyncio.Event()

    async def consuming(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(_consume(place, redis, stopping))
        yield
        stopping.set()
        await task

    application = serving.application(place, {"redis": redis.ping, "kafka": topic.Reachable(place)})
    application.cleanup_ctx.append(consuming)
    serving.run(place, application)


async def _consume(place: Place, redis: Redis, stopping: asyncio.Event) -> None:
    """Take what comes, write it down, and only then commit."""
    group = f"shop-notification-{place.database}"
    consumer = Consumer(
        {
            **topic.settings(place),
            "group.id": group,
            "group.instance.id": group,  # killed and started again it has its partitions back at once
            "session.timeout.ms": 6000,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic.done(place)])
    while not stopping.is_set():
        messages = await asyncio.to_thread(consumer.consume, _BATCH, _WAIT_S)
        orders = [json.loads(message.value() or b"{}") for message in messages if not message.error()]
        if orders and await _noted(orders, redis, stopping):
            try:
                consumer.commit(asynchronous=True)
            except KafkaException as error:  # they come again, and are written down over themselves
                logging.warning("Kafka does not take the commit: %s", error)
    await asyncio.to_thread(consumer.close)


async def _noted(orders: list[dict[str, str]], redis: Redis, stopping: asyncio.Event) -> bool:
    """Write *orders* down, however long Redis takes to be there; False if this service is to stop before."""
    while not stopping.is_set():
        try:
            await redis.hset(NOTIFIED, mapping={order["order_id"]: order["status"] for order in orders})
        except (RedisError, OSError) as error:
            logging.warning("Redis does not take %d notifications: %s", len(orders), error)
            await asyncio.sleep(_AGAIN_S)
        else:
            _NOTED.inc(len(orders))
            return True
    return False
