"""What the four services have in common: HTTP, `/health`, `/metrics`, a log, and a clean stop on SIGTERM."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import redis.asyncio
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

from pytest_labkit.systems.place import Place

REDIS_S = 1.0  # to connect, and for each reply
_CHECK_S = 0.4  # for a dependency to answer, so that /health itself answers within half a second

_REQUESTS = Counter("shop_requests_total", "Requests answered", ["service", "route", "status"])
_SECONDS = Histogram("shop_request_seconds", "Time to answer a request", ["service", "route"])

Check = Callable[[], Awaitable[object]]


def store(place: Place) -> redis.asyncio.Redis:
    """The way to Redis; its connections are made when they are needed."""
    host, port = place.calls["redis"]
    return redis.asyncio.Redis(
        host=host,
        port=port,
        db=place.database,
        decode_responses=True,
        socket_timeout=REDIS_S,
        socket_connect_timeout=REDIS_S,
    )


def application(
    place: Place, dependencies: Mapping[str, Check], more: Callable[[], dict[str, Any]] = dict
) -> web.Application:
    """An application with `/health`, which tries *dependencies* and says *more*, and `/metrics`."""

    async def health(_: web.Request) -> web.Response:
        works = await asyncio.gather(*map(_works, dependencies.values()))
        found = dict(zip(dependencies, works, strict=True))
        return web.json_response({"service": place.name, "dependencies": found, **more()})

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def ping(_: web.Request) -> web.Response:
        return web.Response(text="pong")

    made = web.Application(middlewares=[_measured(place.name)])
    made.add_routes([web.get("/health", health), web.get("/metrics", metrics), web.get("/ping", ping)])
    return made


def run(place: Place, application: web.Application) -> None:
    """Serve on the place's port of 127.0.0.1 until SIGTERM, then answer what has begun, and end."""
    logging.info("%s serves on port %d", place.name, place.port)
    web.run_app(
        application, host="127.0.0.1", port=place.port, access_log=None, print=None, shutdown_timeout=2
    )
    logging.info("%s has stopped", place.name)


async def _works(check: Check) -> bool:
    try:
        await asyncio.wait_for(check(), _CHECK_S)
    except Exception:  # whatever it is: the dependency cannot be used
        return False
    return True


def _measured(service: str) -> Any:
    @web.middleware
    async def measured(request: web.Request, handler: Any) -> web.StreamResponse:
        route = request.match_info.route.resource
        name = route.canonical if route else "unknown"  # never the path as it was asked for
        status = 500
        with _SECONDS.labels(service, name).time():
            try:
                response = await handler(request)
                status = response.status
            except web.HTTPException as refused:
                status = refused.status
                raise
            finally:
                _REQUESTS.labels(service, name, status).inc()
        return response

    return measured
