"""
A student's files, compiled before the fork and loaded after it.

To compile is not to run: a template has none of a student's code at work in it, and each child is spared
what takes most of the time of an import. Nothing is written to a disk, where a child could change it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from types import CodeType
from typing import Any

from pytest_labkit.host.concurrently import begin

_codes: dict[tuple[str, bytes], CodeType] = {}


class _Loader(SourceFileLoader):
    """
    Python's own, but for what is compiled already: a file that has changed since is compiled anew.

    What cannot be compiled is a `SyntaxError` that names the file, which Python's own does not always: one in
    UTF-16, one with NUL in it, one that is nested too deep.
    """

    def source_to_code(self, data: Any, path: Any, **options: Any) -> CodeType:  # type: ignore[override]
        try:
            return _codes.get((path, data)) or self._compiled(data, path, **options)
        except SyntaxError as error:
            error.filename = path
            raise
        except (ValueError, RecursionError, MemoryError, OverflowError) as error:
            why = str(error) or "it is nested too deep"
            raise SyntaxError(f"Python cannot compile it: {why}", (path, 1, 1, None)) from None

    def _compiled(self, data: Any, path: Any, **options: Any) -> CodeType:
        """Compiled on a stack of its own, if need be: how deep an import is must not decide what can be."""
        try:
            return super().source_to_code(data, path, **options)
        except RecursionError:
            return begin(partial(super().source_to_code, data, path, **options)).result()


def compile_files(paths: Iterable[str]) -> None:
    """Have the files *paths* compiled. What cannot be, or not without a warning, is left to each child."""
    for path in paths:
        with suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("error")
            data = Path(path).read_bytes()
            _codes[path, data] = SourceFileLoader("", path).source_to_code(data, path)


def find_in(folders: Iterable[str]) -> None:
    """Let what is imported from *folders* be taken from what is compiled."""
    for folder in folders:
        sys.path_importer_cache[folder] = FileFinder(
            folder,
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (_Loader, SOURCE_SUFFIXES),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )
