"""Templates compiled once, and kept as Python keeps its modules: in `__pycache__`, unless it may not."""

from __future__ import annotations

import marshal
import sys
import uuid
from contextlib import suppress
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket, BytecodeCache


class Compiled(BytecodeCache):
    """
    Keeps the code of templates in *folder*; to compile the page takes as long as to import Jinja.

    A file belongs to one Python, one Jinja and one text of the template, and is trusted like a `.pyc`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give *bucket* the code of its template, if it was kept."""
        with suppress(OSError, ValueError, EOFError, TypeError):
            mark, code = self._file(bucket).read_bytes().split(b"\n", 1)
            if mark == self._mark(bucket):
                bucket.code = marshal.loads(code)  # noqa: S302 - as `import` does

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of *bucket*; where that cannot be, it is compiled again the next time."""
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            part = self._folder / f".{uuid.uuid4().hex}"
            part.write_bytes(self._mark(bucket) + b"\n" + marshal.dumps(bucket.code))
            part.replace(self._file(bucket))

    def _file(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{sys.implementation.cache_tag}.jinja"

    def _mark(self, bucket: Bucket) -> bytes:
        return f"{jinja2.__version__} {sys.hexversion} {bucket.checksum}".encode()
