"""One GET over HTTP, for what is on this machine: status pages, metrics, health."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit


def get(url: str, timeout_s: float) -> str | None:
    """What is served at *url*; `None` if nothing is, or not with 200."""
    try:
        return read(url, timeout_s)
    except (OSError, http.client.HTTPException):
        return None


def read(url: str, timeout_s: float) -> str:
    """
    What is served at *url*.

    Raises:
        OSError, http.client.HTTPException: Nothing is, or not with 200.
    """
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=timeout_s)
    try:
        connection.request("GET", place.path or "/")
        reply = connection.getresponse()
        if reply.status != 200:
            raise ConnectionError(f"{place.path} answers {reply.status}")
        return reply.read().decode("utf-8", "replace")
    finally:
        connection.close()
