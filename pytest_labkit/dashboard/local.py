"""Pages that are served on this machine alone: to whom, with what headers, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from pytest_labkit.domain.errors import UsageProblem

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@web.middleware
async def from_here(request: web.Request, handler: Any) -> web.StreamResponse:
    """Answer only who asks for this machine by its own name: another name may lead here by a trick of DNS."""
    if request.host.rpartition(":")[0] not in ("127.0.0.1", "localhost"):
        raise web.HTTPForbidden(text="ask for 127.0.0.1")
    answer: web.StreamResponse = await handler(request)
    return answer


async def prepare(_: web.Request, response: web.StreamResponse) -> None:
    """Say with each answer what a browser may do with it."""
    response.headers.update(HEADERS)


def files(folder: Path, kinds: Mapping[str, str]) -> Callable[[str], Callable[[web.Request], Any]]:
    """Gives a handler for the file of that name in *folder*; *kinds* are media types by suffix."""

    def file(name: str) -> Callable[[web.Request], Any]:
        async def give(_: web.Request) -> web.Response:
            text = (folder / name).read_text("utf-8")
            return web.Response(text=text, content_type=kinds[Path(name).suffix])

        return give

    return file


async def serve(application: web.Application, port: int, begun: Callable[[int], None], *, hint: str) -> None:
    """
    Serve *application* on *port* of 127.0.0.1, 0 for any that is free, until cancelled.

    *begun* is told the port.

    Raises:
        UsageProblem: Another program has the port; *hint* says what to do.
    """
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        try:
            await site.start()
        except OSError as error:
            raise UsageProblem(f"Port {port} of 127.0.0.1 cannot be had: {error.strerror}.", hint) from error
        begun(runner.addresses[0][1])
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
