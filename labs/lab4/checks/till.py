"""Don't change this file: a payment service of a check's own, which answers as it is told."""

from __future__ import annotations

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STATUSES = (500, 503, 429, 409, 404, 302, 202)
"""What payment can say beside 200."""

TROUBLES = ("hangs", "hangs up", "talks nonsense", "stops in the middle")
LONG_S = 3.0


class Till:
    """
    Serves `POST /charges` on a port of 127.0.0.1; it answers with the status `says`, or is in trouble.

    `received` is every list that came, each charge as it was sent.
    """

    def __init__(self) -> None:
        self.says: int | str = 200
        self.received: list[Any] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


def _handler(till: Till) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else the body waits 40 ms for the headers to be acknowledged

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            till.received.append(json.loads(body))
            if isinstance(till.says, str):
                self._is_in_trouble(till.says)
                return
            said = b'{"status": "charged"}' if till.says == 200 else b"no"
            self.send_response(till.says)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def _is_in_trouble(self, trouble: str) -> None:
            self.close_connection = True
            if trouble == "hangs":
                time.sleep(LONG_S)  # longer than any caller should wait
            elif trouble == "talks nonsense":
                self.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            elif trouble == "stops in the middle":
                self.wfile.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\nhalf")
            else:
                self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
