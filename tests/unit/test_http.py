"""One GET over HTTP, and what becomes of it when there is no answer, or another than 200."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pytest_labkit.host import http


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """`/` and `/well` are there, `/cut` breaks off, nothing else is."""
        if self.path == "/cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            return
        self.send_response(200 if self.path in ("/", "/well") else 503)
        self.end_headers()
        self.wfile.write("größer".encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """Where it is served."""
    with HTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_what_is_served_is_text(url: str) -> None:
    """Of the path given, or of the root."""
    assert "größer" == http.get(f"{url}/well", 5) == http.read(url, 5)


def test_another_answer_is_none(url: str) -> None:
    """`read` says which it was."""
    assert http.get(f"{url}/ill", 5) is None
    with pytest.raises(ConnectionError, match=r"^/ill answers 503$"):
        http.read(f"{url}/ill", 5)


def test_an_answer_that_breaks_off_is_none(url: str) -> None:
    """Half of a page is no page."""
    assert http.get(f"{url}/cut", 5) is None


def test_no_answer_is_none() -> None:
    """Nobody listens."""
    assert http.get("http://127.0.0.1:9/health", 1) is None
    with pytest.raises(ConnectionRefusedError, match="refused"):
        http.read("http://127.0.0.1:9/health", 1)
