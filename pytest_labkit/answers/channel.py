"""Frames on a socket: four bytes of length, big endian, then that much JSON."""

from __future__ import annotations

import json
import socket
import struct
import threading
from typing import Any

LARGEST = 64 * 1024 * 1024  # bytes in a frame: a batch far past any limit that the labs test


class BadFrame(Exception):
    """The peer sent something that is not a frame."""


class Channel:
    """One end of the connection. Sending is safe from many threads; one thread receives."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        """Send *message*; `OSError` if the peer is gone."""
        body = json.dumps(message, allow_nan=False, separators=(",", ":")).encode("utf-8")
        with self._sending:
            self._connection.sendall(struct.pack(">I", len(body)) + body)

    def receive(self) -> dict[str, Any] | None:
        """
        The next message, `None` once the peer is gone.

        Raises:
            BadFrame: The frame is too large, or not a JSON object.
        """
        head = self._read(4)
        if head is None:
            return None
        (length,) = struct.unpack(">I", head)
        if length > LARGEST:
            raise BadFrame(f"a frame of {length} bytes")
        body = self._read(length)
        if body is None:
            return None
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BadFrame(f"a frame that is not JSON: {error}") from None
        if not isinstance(message, dict):
            raise BadFrame("a frame that is not a JSON object")
        return message

    def close(self) -> None:
        """Close this end."""
        self._connection.close()

    def _read(self, size: int) -> bytes | None:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self._connection.recv(size - len(parts))
            except OSError:
                return None
            if not part:
                return None
            parts += part
        return bytes(parts)
