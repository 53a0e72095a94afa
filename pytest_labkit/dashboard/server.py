"""
Serves the pages on 127.0.0.1, and looks at the system twice a second while somebody watches.

Its own page, its style and its script are files beside this one; nothing is loaded from elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from pytest_labkit.dashboard import local, picture
from pytest_labkit.host.settings import Settings
from pytest_labkit.monitoring import Watch
from pytest_labkit.services.registry import Registry
from pytest_labkit.systems import System, kept

EVERY_S = 0.5
_file = local.files(
    Path(__file__).parent, {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
)

_ASKED_BY_THE_PAGE = "X-Labkit"
"""A header that a page of another site cannot send: a browser asks first, and nobody allows it."""


class Subject:
    """The system that is written down in *book*, if there is one: looked at by *clock*, and changed."""

    def __init__(self, book: Registry, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._book = book
        self._settings = settings
        self.clock = clock

    def find(self) -> System | None:
        """The system, as it is written down now."""
        return kept.find(self._book, self._settings)

    def start(self, name: str) -> None:
        """Start its program *name* if it has ended. `KeyError` if there is none."""
        if (system := self.find()) is not None:
            system.member(name).start()
            kept.write_down(system, self._book)

    def kill(self, name: str) -> None:
        """Kill its program *name* if it runs. `KeyError` if there is none."""
        if (system := self.find()) is not None and system.runs(name):
            system.member(name).kill()


class Looking:
    """The newest picture of *subject*; one look for all who watch."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._watch: Watch | None = None
        self._of: Mapping[str, str] = {}
        self.picture: dict[str, Any] = picture.NONE
        self.begun = asyncio.Event()
        self.changed = asyncio.Condition()

    async def go_on(self) -> None:
        """Look again and again."""
        while True:
            self.picture = await asyncio.to_thread(self.look)
            self.begun.set()
            async with self.changed:
                self.changed.notify_all()
            await asyncio.sleep(EVERY_S)

    def look(self) -> dict[str, Any]:
        """Look once."""
        system = self.subject.find()
        if system is None:
            self._watch = None
            return picture.NONE
        if self._watch is None or self._of != system.urls:  # another one was started in its place
            self._watch = Watch(system.urls, system.plan, system.alerts, self.subject.clock)
            self._of = system.urls
        logs = {name: system.log_tail(name) for name in system.urls}
        return picture.drawn(self._watch.scrape(), system.plan, logs)


def application(subject: Subject) -> web.Application:
    """The pages, and what they are fed by."""

    async def looking(app: web.Application) -> Any:
        app[_LOOKING] = Looking(subject)
        task = asyncio.create_task(app[_LOOKING].go_on())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    made = web.Application(middlewares=[local.from_here])
    made.cleanup_ctx.append(looking)
    made.on_response_prepare.append(local.prepare)
    made.add_routes(
        [
            web.get("/", _to_health),
            web.get("/health", _file("health.html")),
            web.get("/health.css", _file("health.css")),
            web.get("/health.js", _file("health.js")),
            web.get("/health.json", _now),
            web.get("/health.events", _events),
            web.post("/programs/{name}/{do:start|kill}", _change),
        ]
    )
    return made


_LOOKING = web.AppKey("looking", Looking)


async def serve(
    subject: Subject, port: int, say: Callable[[str], None], *, open_browser: bool = False
) -> None:
    """
    Serve on *port* of 127.0.0.1, 0 for any that is free, until cancelled.

    Raises:
        UsageProblem: Another program has the port.
    """

    def begun(at: int) -> None:
        url = f"http://127.0.0.1:{at}/health"
        say(url)
        if open_browser:
            webbrowser.open(url)

    hint = "Choose another: labkit dashboard --port 0 takes one that is free."
    await local.serve(application(subject), port, begun, hint=hint)


async def _change(request: web.Request) -> web.Response:
    """Start or kill a program, asked by the page itself."""
    if _ASKED_BY_THE_PAGE not in request.headers:
        raise web.HTTPForbidden(text="only the page may ask for that")
    subject = request.app[_LOOKING].subject
    do = subject.start if request.match_info["do"] == "start" else subject.kill
    try:
        await asyncio.to_thread(do, request.match_info["name"])
    except KeyError:
        raise web.HTTPNotFound(text="there is no such program") from None
    return web.Response(status=204)


async def _to_health(_: web.Request) -> web.Response:
    raise web.HTTPFound("/health")


async def _now(request: web.Request) -> web.Response:
    looking = request.app[_LOOKING]
    await looking.begun.wait()  # on a busy machine the first look takes seconds: nothing was seen until then
    return web.json_response(looking.picture)


async def _events(request: web.Request) -> web.StreamResponse:
    """Server-sent events: the picture, as often as it is taken."""
    looking = request.app[_LOOKING]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b"data: " + json.dumps(looking.picture).encode() + b"\n\n")
            async with looking.changed:
                await looking.changed.wait()
    return response
