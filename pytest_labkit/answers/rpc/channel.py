"""
Frames on a socket: four bytes of length, big endian, then that much JSON.

Strict, because a student's code can reach its own end of the socket: a frame is one JSON object of at
most `LARGEST` bytes, without NaN or infinity and without a key that comes twice.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from pytest_labkit.answers.rpc.errors import NotAValue
from pytest_labkit.answers.rpc.frames import BadFrame, Frame

LARGEST = 8 * 1024 * 1024
"""Bytes in a frame at most: twenty times the largest batch that a lab asks for."""


class Channel:
    """
    One end of the connection. Sending is safe from many threads; one thread receives.

    Args:
        connection: The socket.
        check: What is received has to pass this, which raises `BadFrame`: all frames do by default.
    """

    def __init__(
        self, connection: socket.socket, check: Callable[[Frame], Frame] = lambda frame: frame
    ) -> None:
        self._connection = connection
        self._check = check
        self._sending = threading.Lock()

    def send(self, message: Frame) -> None:
        """
        Send *message*.

        Raises:
            NotAValue: It is larger than a frame may be; nothing was sent.
            OSError: The peer is gone.
        """
        try:
            body = json.dumps(message, allow_nan=False, separators=(",", ":")).encode("ascii")
        except ValueError as error:  # an int of more digits than Python writes out
            raise NotAValue(f"a value that cannot be passed on: {error}") from None
        if len(body) > LARGEST:
            raise NotAValue(f"a value of {len(body):,} bytes; {LARGEST:,} is the most that can be passed on")
        with self._sending:
            self._connection.sendall(struct.pack(">I", len(body)) + body)

    def receive(self) -> Frame | None:
        """
        The next message, `None` once the peer is gone.

        Raises:
            BadFrame: What came is not a frame, or not one that may come.
        """
        head = self._read(4)
        if head is None:
            return None
        (length,) = struct.unpack(">I", head)
        if length > LARGEST:
            raise BadFrame(
                f"a frame of {length:,} bytes, where {LARGEST:,} is the most ({head!r} came first)"
            )
        body = self._read(length)
        return None if body is None else self._check(parsed(body))

    def hang_up(self) -> None:
        """End the connection: both ends receive `None` from now on."""
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the peer was first

    def close(self) -> None:
        """Close this end."""
        self._connection.close()

    def _read(self, size: int) -> bytes | None:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self._connection.recv(min(size - len(parts), 1 << 20))
            except OSError:
                return None
            if not part:
                return None
            parts += part
        return bytes(parts)


def parsed(body: bytes) -> Frame:
    """
    The message whose text is *body*.

    Raises:
        BadFrame: It is not one JSON object, or JSON that means different things to different readers.
    """
    try:
        message = json.loads(body, parse_constant=_no_constant, object_pairs_hook=_no_key_twice)
    except RecursionError:
        raise BadFrame("a frame that is nested too deep") from None
    except ValueError as error:
        raise BadFrame(f"a frame that is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise BadFrame("a frame that is not a JSON object")
    return message


def _no_constant(name: str) -> NoReturn:
    raise BadFrame(f"a frame with {name} in it")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    message = dict(pairs)
    if len(message) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise BadFrame(f"a frame with the key {twice[:40]!r} twice")
    return message
