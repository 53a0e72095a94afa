"""
Kafka's bytes: a stream as frames, and a frame as the numbers, texts and arrays that it is made of.

"Flexible" versions of a message have compact lengths and tagged fields (KIP-482).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from pytest_labkit.faults.tcp.proxy import Untranslatable

Address = tuple[str, int]
Elsewhere = Callable[[Address], Address]
"""Where a client is to go in place of an address that a broker names."""

LARGEST = 256 * 1024 * 1024  # a TLS record, read as a length, is larger


class NotKafka(Untranslatable):
    """What came is no frame of Kafka's protocol; TLS, for instance."""


class Part(NamedTuple):
    """A piece of a stream that lies in one frame; whether it *starts* that, with as much as was asked for."""

    data: bytes
    starts: bool


class Frames:
    """
    Cuts a stream into frames, each begun by its length, without waiting for more of one than is needed.

    *judge* is given the first *head* bytes of a frame, or all if it has fewer, and its size; if it says so,
    the frame is given as a whole.
    """

    def __init__(self, head: int, judge: Callable[[bytes, int], bool]) -> None:
        self._head = head
        self._judge = judge
        self._begun = b""  # too little of a frame to go on with
        self._needed = 0  # how much of it is, if it was judged already
        self._left = 0  # bytes of the frame under way that are to come

    def feed(self, data: bytes) -> list[Part]:
        """The parts that are complete now; nothing is lost, nothing changes places."""
        data, self._begun = self._begun + data, b""
        parts, at = [], 0
        while at < len(data):
            starts = not self._left
            if starts and not self._begin(data, at):
                self._begun = data[at:]
                break
            end = min(len(data), at + self._left)
            self._left -= end - at
            parts.append(Part(data[at:end], starts))
            at = end
        return parts

    def _begin(self, data: bytes, at: int) -> bool:
        """Whether there is enough of the frame that begins at *at*; then its size is in `_left`."""
        there = len(data) - at
        if there < 4:
            return False
        size = 4 + int(struct.unpack_from(">i", data, at)[0])
        if not 8 <= size <= LARGEST:
            raise NotKafka(f"a frame of {size - 4} bytes")
        if there < max(self._needed, min(self._head, size)):
            return False
        if not self._needed and self._judge(data[at : at + min(self._head, size)], size):
            self._needed = size
            if there < size:
                return False
        self._needed = 0
        self._left = size
        return True


class Copy:
    """Reads a frame from its start, and writes what it reads unless told otherwise."""

    def __init__(self, frame: bytes, *, flexible: bool) -> None:
        self.flexible = flexible
        self._frame = frame
        self._at = 0
        self._out = bytearray()

    def take(self, count: int, *, write: bool = True) -> bytes:
        taken = self._frame[self._at : self._at + count]
        if len(taken) < count:
            raise NotKafka("a reply that ends too early")
        self._at += count
        if write:
            self._out += taken
        return taken

    def write(self, data: bytes) -> None:
        self._out += data

    def rest(self) -> None:
        self._out += self._frame[self._at :]

    def done(self) -> bytes:
        return struct.pack(">i", len(self._out) - 4) + bytes(self._out[4:])

    def array(self, *, write: bool = True) -> int:
        """The length of an array; 0 for one that is null."""
        count = self._length(4)
        if write:
            self.write_array(count)
        return max(0, count)

    def write_array(self, count: int) -> None:
        self.write(_varint(count + 1) if self.flexible else struct.pack(">i", count))

    def text(self, *, write: bool = True) -> bytes | None:
        size = self._length(2)
        text = None if size < 0 else self.take(size, write=False)
        if write:
            self._write_text(text)
        return text

    def data(self) -> bytes:
        """Bytes with their length before them, which are not written; empty if they are null."""
        return self.take(max(0, self._length(4)), write=False)

    def address(self, elsewhere: Elsewhere) -> None:
        """Another host and port in the place of one; an absent one, with port -1, stays."""
        host = self.text(write=False)
        (port,) = struct.unpack(">i", self.take(4, write=False))
        if host and port >= 0:
            name, port = elsewhere((host.decode(), port))
            host = name.encode()
        self._write_text(host)
        self.write(struct.pack(">i", port))

    def tags(self, *, write: bool = True) -> None:
        """The tagged fields of a flexible version, as they are."""
        if not self.flexible:
            return
        start = self._at
        for _ in range(self._varint()):
            self._varint()  # which field
            self.take(self._varint(), write=False)
        if write:
            self.write(self._frame[start : self._at])

    def write_no_tags(self) -> None:
        if self.flexible:
            self.write(b"\0")

    def _length(self, width: int) -> int:
        """The length of what follows, -1 for null; *width* is that of the number in inflexible versions."""
        if self.flexible:
            return self._varint() - 1
        return int.from_bytes(self.take(width, write=False), byteorder="big", signed=True)

    def _write_text(self, text: bytes | None) -> None:
        size = -1 if text is None else len(text)
        self.write(_varint(size + 1) if self.flexible else struct.pack(">h", size))
        self.write(text or b"")

    def _varint(self) -> int:
        value = shift = 0
        while True:
            (byte,) = self.take(1, write=False)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
