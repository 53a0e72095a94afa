"""
An HTTP/1.1 proxy on 127.0.0.1: every request goes through a function, which may send it on.

It keeps connections alive on both sides, and runs on an event loop in a thread of its own. It knows nothing
of what it carries.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from pytest_labkit.domain.errors import KitError
from pytest_labkit.faults.dynamodb.messages import CUT, Answer, Reply

# They belong to one connection; the length is set anew for each side.
_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length", "accept-encoding"}
_NOT_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_IDLE_S = 3600.0  # after which a client's connection is closed; the server has a say of its own
_GRACE_S, _JOIN_S = 0.05, 5.0


class HttpProxy:
    """
    A proxy to the server at *target_url*; *answer* is called in its thread, and must not block it.

    Raises:
        KitError: *target_url* is no `http://host:port`.
    """

    def __init__(self, target_url: str, answer: Answer) -> None:
        target = urlsplit(target_url)
        if target.scheme != "http" or not target.hostname:
            raise KitError(
                f"A fault proxy speaks plain HTTP and cannot stand in front of {target_url}.",
                "Use one of the kit's: --lab-backend local or docker.",
            )
        self._target = f"http://{target.netloc}"
        self._answer = answer
        self._problem: Exception | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closing = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="labkit-http-proxy", daemon=True)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def open(self) -> None:
        """Accept connections."""
        self._loop = _RealTimeLoop()
        self._thread.start()

    def close(self) -> None:
        """
        Break every connection and wait until the thread has ended.

        Raises:
            Exception: What *answer* raised, if it did: a bug, since no client was told of it.
            KitError: The thread has not ended.
        """
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(_JOIN_S)
        if self._thread.is_alive():
            raise KitError("A connection of the fault proxy did not end.")
        if self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            skip_auto_headers=_NOT_ADDED,
            auto_decompress=False,
        )
        application = web.Application(client_max_size=0)  # which is no limit
        application.router.add_route("*", "/{path:.*}", self._handle)
        application.on_response_prepare.append(_nothing_added)
        runner = web.AppRunner(
            application,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=_IDLE_S,
            shutdown_timeout=_GRACE_S,
        )
        async with self._session:
            await runner.setup()
            await web.SockSite(runner, self._listener).start()
            await self._closing.wait()
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        if "Transfer-Encoding" in request.headers:
            refused = "The fault proxy takes no chunked requests: send Content-Length"
            return web.Response(status=411, reason=refused)
        body = await request.read()
        headers = tuple((n, v) for n, v in request.headers.items() if n.lower() not in _NOT_PASSED_ON)

        async def forward(body: bytes) -> Reply:
            url = URL(self._target + request.raw_path, encoded=True)
            sent = self._session.request(
                request.method, url, headers=headers, data=body, allow_redirects=False
            )
            async with sent as response:
                passed_on = ((n, v) for n, v in response.headers.items() if n.lower() not in _NOT_PASSED_ON)
                return Reply(response.status, tuple(passed_on), await response.read())

        try:
            reply = await self._answer(headers, body, forward)
        except (OSError, aiohttp.ClientError):
            reply = CUT  # the server broke the connection, so this one breaks too
        except Exception as problem:
            self._problem = self._problem or problem
            reply = CUT
        return _reset(request) if reply is CUT else _Passed(reply)


class _Passed(web.Response):
    """A reply as it came."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(status=reply.status, body=reply.body)
        self.reply = reply


async def _nothing_added(_: web.Request, response: web.StreamResponse) -> None:
    """No header that the reply did not have: aiohttp would tell a date, and its own name."""
    if isinstance(response, _Passed):
        response.headers.clear()
        response.headers.extend(response.reply.headers)
        response.headers["Content-Length"] = str(len(response.reply.body))


def _reset(request: web.Request) -> web.Response:
    """Close the connection of *request* with a reset, not with an end of file; the response goes nowhere."""
    if (transport := request.transport) is not None:
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    return web.Response()


class _RealTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time goes on where a test has frozen the clocks of its process."""

    def time(self) -> float:
        return time.clock_gettime(time.CLOCK_MONOTONIC)
