"""Standard output and error, lent to code that may wrap, close or replace them."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class _Onward(io.BufferedIOBase):
    """Bytes that are written on to *stream* at once. To close this does not close it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return bool(self._stream.isatty())

    def fileno(self) -> int:
        return int(self._stream.fileno())

    def write(self, data: Any, /) -> int:
        content = bytes(data)
        with suppress(ValueError):  # the test that it was lent to is over, and what was behind it closed
            if (buffer := getattr(self._stream, "buffer", None)) is None:
                self._stream.write(content.decode("utf-8", "replace"))
            else:
                self._stream.flush()
                buffer.write(content)
                self._stream.flush()
        return len(content)


@contextmanager
def lent(name: str) -> Iterator[None]:
    """
    Inside, `sys.stdout` (*name* is `"stdout"`) is a stream that leads to the present one, and is not it.

    A wrapper around its buffer closes what it wraps when it is thrown away, as in the usual
    `sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")`.
    """
    before = getattr(sys, name)
    if before is None:  # a program without a console
        yield
        return
    encoding = getattr(before, "encoding", None) or "utf-8"
    onward: Any = _Onward(before)
    ours = io.TextIOWrapper(
        onward, encoding=encoding, errors="backslashreplace", write_through=True, newline=""
    )
    setattr(sys, name, ours)
    try:
        yield
    finally:
        _end(getattr(sys, name), ours)
        setattr(sys, name, before)


def _end(*streams: Any) -> None:
    """Write what is left in *streams*."""
    for stream in streams:
        with suppress(Exception):
            stream.flush()
