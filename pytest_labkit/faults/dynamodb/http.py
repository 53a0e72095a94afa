"""
An HTTP/1.1 relay on 127.0.0.1: every request goes through a function, which may send it on.

It keeps connections alive on both sides: a thread and a connection to the server for each connection of
a client. It knows nothing of what it carries.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from urllib3.util import wait_for_read

from pytest_labkit.domain.errors import KitError

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Reply:
    """What the client gets; `Content-Length` is not among the headers, it follows from the body."""

    status: int
    headers: Headers
    body: bytes


CUT = Reply(0, (), b"")
"""In place of a reply: the client's connection is reset."""

Forward = Callable[[bytes], Reply]
"""Sends the request with this body on to the server."""

Answer = Callable[[Headers, bytes, Forward], Reply]
"""Answers a request, given its headers, its body and the way to the server."""

# They belong to one connection; the length and the encoding are set anew for each side.
_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length", "accept-encoding"}
_POLL_S = 0.02  # how long closing may wait for the accepting thread
_JOIN_S = 5.0


class Relay:
    """
    A relay to the server at *target_url*; *answer* is called in the thread of the client's connection.

    Raises:
        KitError: *target_url* is no `http://host:port`.
    """

    def __init__(self, target_url: str, answer: Answer) -> None:
        target = urlsplit(target_url)
        if target.scheme != "http" or not target.hostname:
            raise KitError(
                f"A fault proxy speaks plain HTTP and cannot stand in front of {target_url}.",
                "Use a DynamoDB Local: --lab-backend local or docker.",
            )
        self._server = _Server((target.hostname, target.port or 80), answer)
        self._accepting = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="labkit-relay", daemon=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def open(self) -> None:
        """Accept connections."""
        self._accepting.start()

    def close(self) -> None:
        """
        Break every connection and wait until every thread has ended.

        Raises:
            Exception: What *answer* raised, if it did: a bug, since no client was told of it.
            KitError: A thread has not ended.
        """
        if self._accepting.is_alive():
            self._server.shutdown()
        self._server.break_connections()
        self._server.server_close()
        self._server.join(_JOIN_S)
        if self._server.problem is not None:
            raise self._server.problem


class _Server(ThreadingHTTPServer):
    """Accepts; keeps the open connections and their threads, so that all of them can be ended."""

    request_queue_size = 128

    def __init__(self, target: tuple[str, int], answer: Answer) -> None:
        self.target = target
        self.answer = answer
        self.problem: BaseException | None = None
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._serving: set[threading.Thread] = set()
        self._closing = False
        super().__init__(("127.0.0.1", 0), _Connection)

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name that `HTTPServer` makes."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own."""
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="labkit-relay-connection",
            daemon=True,  # a relay that nobody closed must not keep the interpreter alive
        )
        with self._lock:
            self._serving.add(thread)
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection, and forget its thread at the end."""
        try:
            self.hold(request)
            super().process_request_thread(request, client_address)
        except ConnectionAbortedError:
            self.shutdown_request(request)
        finally:
            self.release(request)
            with self._lock:
                self._serving.discard(threading.current_thread())

    def hold(self, connection: socket.socket) -> None:
        """Have *connection* broken when the relay closes; `ConnectionAbortedError` if it does so already."""
        with self._lock:
            if self._closing:
                raise ConnectionAbortedError("the relay is closing")
            self._sockets.add(connection)

    def release(self, connection: socket.socket) -> None:
        """*connection* is closed."""
        with self._lock:
            self._sockets.discard(connection)

    def break_connections(self) -> None:
        """Wake every thread that reads from a client or from the server."""
        with self._lock:
            self._closing = True
            for connection in self._sockets:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def join(self, seconds: float) -> None:
        """Wait for the threads of all connections."""
        with self._lock:
            threads = list(self._serving)
        for thread in threads:
            thread.join(seconds)
            if thread.is_alive():
                raise KitError("A connection of the fault proxy did not end.")

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Keep the first exception for `close`; a connection that a client broke is no error."""
        problem = sys.exception()
        if not isinstance(problem, ConnectionError):
            self.problem = self.problem or problem


class _Connection(BaseHTTPRequestHandler):
    """A connection of a client, with the connection to the server that belongs to it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # buffered: head and body of a reply leave together
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.upstream = http.client.HTTPConnection(*self.server.target)
        self.held: socket.socket | None = None  # http.client forgets a socket that the server closed

    def finish(self) -> None:
        self._hang_up()
        super().finish()

    def do_POST(self) -> None:
        """Answer a request."""
        body = self._body()
        if body is None:
            return
        headers = tuple((n, v) for n, v in self.headers.items() if n.lower() not in _NOT_PASSED_ON)
        try:
            reply = self.server.answer(headers, body, lambda body: self._forward(headers, body))
        except (OSError, http.client.HTTPException):
            reply = CUT  # the server broke the connection, so this one breaks too
        if reply is CUT:
            self._reset()
        else:
            self._reply(reply)

    do_GET = do_POST  # noqa: N815 - the base class looks for this name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Nothing: the caller keeps its own record."""

    def _body(self) -> bytes | None:
        """The request's body, `None` if it did not arrive whole."""
        if "Transfer-Encoding" in self.headers:
            self.send_error(411, "The fault proxy takes no chunked requests: send Content-Length")
            return None
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal():
            self.send_error(400, "Content-Length is not a number")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _forward(self, headers: Headers, body: bytes) -> Reply:
        upstream = self._connected()
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            upstream.putheader(name, value)
        upstream.putheader("Content-Length", str(len(body)))
        upstream.endheaders(body)
        with upstream.getresponse() as response:
            content = response.read()
            passed_on = tuple((n, v) for n, v in response.getheaders() if n.lower() not in _NOT_PASSED_ON)
            return Reply(response.status, passed_on, content)

    def _connected(self) -> http.client.HTTPConnection:
        """
        The connection to the server, made again if the server has closed it.

        That is looked for *before* a request is sent: sent twice, a write could be applied twice.
        """
        if self.upstream.sock is None or wait_for_read(self.upstream.sock, timeout=0):
            self._hang_up()
            self._connect()
        return self.upstream

    def _connect(self) -> None:
        self.upstream.connect()
        self.held = self.upstream.sock
        self.server.hold(self.held)

    def _hang_up(self) -> None:
        if self.held is not None:
            self.server.release(self.held)
        self.upstream.close()

    def _reply(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def _reset(self) -> None:
        """Close with a reset, not with an end of file; it goes out when `finish` has closed the files."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
