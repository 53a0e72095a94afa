"""
Serves `/simulator` on this machine alone: its files, what the run has brought, and a WebSocket for each page.

Whoever has the token that `labkit simulator` prints may look and press buttons; nobody else, whatever name
leads here and whatever page asks.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from pytest_labkit.dashboard import local
from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.simulator import picture, records
from pytest_labkit.simulator.choice import Choice
from pytest_labkit.simulator.ledger import Cursor
from pytest_labkit.simulator.stage import Stage

EVERY_S = 0.05
"""A page is told what is new so often at most: twenty times a second."""

_LARGEST = 64 * 1024 * 1024  # of an order: a run's file may be large
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_ASSETS = Path(__file__).parent / "assets"
_file = local.files(_ASSETS, _KINDS)
_vendored = local.files(_ASSETS / "vendored", _KINDS)
_page = _file("simulator.html")
_STRANGER = "Open the address that labkit simulator has printed: it has a token in it."
_SCRIPTS = ("simulator.js", "lanes.js", "charts.js", "controls.js", "store.js")


class Keys:
    """Who may come in: those who have the *token*, by a link or by the cookie that it gives."""

    def __init__(self, token: str) -> None:
        self._token = token

    def fits(self, request: web.Request) -> bool:
        """Whether *request* has the token."""
        given = (request.cookies.get(self._cookie(request), ""), request.query.get("token", ""))
        return any(secrets.compare_digest(one.encode(), self._token.encode()) for one in given)

    def hand_over(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let the browser show the token from now on: to this server alone, and to no script."""
        response.set_cookie(
            self._cookie(request), self._token, path="/simulator", samesite="Strict", httponly=True
        )

    @staticmethod
    def _cookie(request: web.Request) -> str:
        return f"labkit-simulator-{request.url.port}"  # cookies do not tell ports apart


_STAGE = web.AppKey("stage", Stage)
_KEYS = web.AppKey("keys", Keys)


def application(stage: Stage, token: str) -> web.Application:
    """The page, and what it is fed by."""
    made = web.Application(middlewares=[local.from_here, _with_the_token])
    made[_STAGE], made[_KEYS] = stage, Keys(token)
    made.on_response_prepare.append(local.prepare)
    made.add_routes(
        [
            web.get("/simulator", _enter),
            web.get("/simulator/live", _live),
            web.get("/simulator/run.json", _run_file),
            web.get("/simulator/run.svg", _picture),
            web.get("/simulator/analysis", _analysis),
            web.get("/simulator/code/{name:.+}", _code),
            *(web.get(f"/simulator/{name}", _file(name)) for name in ("simulator.css", *_SCRIPTS)),
            *(
                web.get(f"/simulator/vendored/{name}", _vendored(name))
                for name in ("uPlot.js", "uPlot.css", "lit-html.js")
            ),
        ]
    )
    return made


async def serve(stage: Stage, ports: Iterable[int], say: Callable[[str], None], token: str = "") -> None:
    """
    Serve the page on the first of *ports* that can be had, until cancelled.

    Raises:
        UsageProblem: None of them can be had.
    """
    token = token or secrets.token_urlsafe(16)
    *tried, last = ports

    def begun(port: int) -> None:
        say(f"http://localhost:{port}/simulator?token={token}")

    hint = "Choose another: labkit simulator --port 0 takes one that is free."
    for port in tried:
        try:
            await local.serve(application(stage, token), port, begun, hint=hint)
        except UsageProblem as taken:
            say(f"{taken.what} Another one is taken.")
    await local.serve(application(stage, token), last, begun, hint=hint)


@web.middleware
async def _with_the_token(request: web.Request, handler: Any) -> web.StreamResponse:
    """Answer only who has the token, and no page of another site that uses somebody's cookie."""
    if not request.app[_KEYS].fits(request):
        raise web.HTTPForbidden(text=_STRANGER)
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.host}":
        raise web.HTTPForbidden(text="only the page itself may ask for that")
    answer: web.StreamResponse = await handler(request)
    return answer


async def _enter(request: web.Request) -> web.StreamResponse:
    """The page; who comes with the token gets the cookie, and an address without it."""
    if "token" in request.query:
        response = web.HTTPSeeOther("/simulator")
        request.app[_KEYS].hand_over(request, response)
        raise response
    page: web.StreamResponse = await _page(request)
    return page


async def _live(request: web.Request) -> web.StreamResponse:
    """One page: what is new goes out, orders come in."""
    if "Origin" not in request.headers:
        raise web.HTTPForbidden(text="only the page itself may ask for that")
    socket = web.WebSocketResponse(max_msg_size=_LARGEST, heartbeat=20, compress=False)
    await socket.prepare(request)
    stage = request.app[_STAGE]
    telling = asyncio.create_task(_tell(socket, stage))
    try:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await _obey(stage, message.data)
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):
            await telling
    return socket


async def _obey(stage: Stage, text: str) -> None:
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    await asyncio.to_thread(stage.order, told if isinstance(told, dict) else {})


async def _tell(socket: web.WebSocketResponse, stage: Stage) -> None:
    """Send what is new, as often as the page is to be told; nothing if there is nothing new."""
    await socket.send_json({"hello": _hello(stage)})
    cursor, number, before = Cursor(is_live=False), stage.number, dict[str, Any]()
    while not socket.closed:
        if stage.number != number:
            cursor, number = Cursor(), stage.number
        run = stage.run
        told = {} if run is None else run.ledger.since(cursor)
        figures = _figures(stage)
        if told or figures != before:
            before = figures
            await socket.send_json({"run": number, "figures": figures, **told})
        await asyncio.sleep(EVERY_S)


def _hello(stage: Stage) -> dict[str, Any]:
    offer, run = stage.cast.offer, stage.run
    choice = Choice(seed=stage.cast.settings.seed) if run is None else run.choice
    return {
        "lab": stage.cast.lab.title,
        "label": stage.cast.label,
        "strategies": dict(offer.STRATEGIES),
        "modes": dict(offer.MODES),
        "scenarios": list(offer.SCENARIOS),
        "crashes": dict(offer.CRASHES),
        "replay": offer.REPLAY,
        "choice": choice.model_dump(),
    }


def _figures(stage: Stage) -> dict[str, Any]:
    run = stage.run
    told: dict[str, Any] = {"state": "ready"} if run is None else run.figures()
    return {**told, "problem": stage.problem}


def _shown(request: web.Request) -> Any:
    run = request.app[_STAGE].run
    if run is None:
        raise web.HTTPNotFound(text="There is no run yet: press Start.")
    return run


async def _run_file(request: web.Request) -> web.Response:
    run, stage = _shown(request), request.app[_STAGE]
    text = await asyncio.to_thread(lambda: json.dumps(records.document(run, stage.cast.label)))
    return _download(text, "application/json", f"{run.topic}.json")


async def _picture(request: web.Request) -> web.Response:
    run = _shown(request)
    text = await asyncio.to_thread(picture.drawn, run.ledger, run.choice, request.app[_STAGE].cast.label)
    return _download(text, "image/svg+xml", f"{run.topic}.svg")


def _download(text: str, kind: str, name: str) -> web.Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(text=text, content_type=kind, headers=headers)


async def _analysis(request: web.Request) -> web.Response:
    return web.json_response(await asyncio.to_thread(_shown(request).analyse))


async def _code(request: web.Request) -> web.Response:
    text = request.app[_STAGE].cast.code(request.match_info["name"])
    if text is None:
        raise web.HTTPNotFound(text="There is no such file among the answers.")
    return web.Response(text=text, content_type="text/plain")
