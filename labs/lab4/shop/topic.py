"""The topic that orders which are done go over, and what it takes to speak to Kafka at all."""

from __future__ import annotations

import asyncio
from typing import Any

from confluent_kafka.admin import AdminClient

from pytest_labkit.systems.place import Place

_CHECK_S = 0.3


def done(place: Place) -> str:
    """The topic, which a system has to itself as it has its database."""
    return f"shop.orders.{place.database}"


def settings(place: Place) -> dict[str, Any]:
    """How a client reaches Kafka; it comes back quickly after a fault on the way."""
    host, port = place.calls["kafka"]
    return {
        "bootstrap.servers": f"{host}:{port}",
        "reconnect.backoff.max.ms": 500,
        "topic.metadata.refresh.interval.ms": 1000,
        "log_level": 3,
    }


class Reachable:
    """Whether Kafka answers, asked for over the link."""

    def __init__(self, place: Place) -> None:
        self._admin = AdminClient(settings(place))
        self._topic = done(place)

    async def __call__(self) -> None:
        await asyncio.to_thread(self._admin.list_topics, self._topic, _CHECK_S)
