"""
A copy of DynamoDB Local's jar that Java makes an archive of.

The published one has `Class-Path: .` in its manifest. That puts its own folder on the class path, and
with a folder there that is not empty Java makes no archive. The copy has a bare manifest, and holds
the kit's `Loopback` too, so that the class path is the same for every checkout on a machine.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path
from uuid import uuid4

LAUNCHER = Path(__file__).with_name("loopback.jar")
"""Starts DynamoDB Local on 127.0.0.1 only; see `Loopback.java`."""

_MANIFEST = "META-INF/MANIFEST.MF"


def archivable(jar: Path, launcher: Path, folder: Path) -> Path:
    """
    The copy of *jar*, with the classes of *launcher*, in *folder*; made if it is not there, whole.

    Its name is that of *jar*, which is verified, with the digests of *launcher* and of itself.
    """
    origin = _digest(launcher)
    for copy in folder.glob(f"{jar.stem}-{origin}-*.jar"):
        if copy.stem.endswith(_digest(copy)):
            return copy
        copy.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{uuid4().hex}.part"
    try:
        _write(part, jar, launcher)
        copy = folder / f"{jar.stem}-{origin}-{_digest(part)}.jar"
        os.utime(part, (0, 0))  # the same for whoever makes it: Java compares times
        return part.replace(copy)
    finally:
        part.unlink(missing_ok=True)


def _write(copy: Path, jar: Path, launcher: Path) -> None:
    with zipfile.ZipFile(jar) as published, zipfile.ZipFile(launcher) as own, copy.open("wb") as file:
        with zipfile.ZipFile(file, "w") as made:
            made.writestr(zipfile.ZipInfo(_MANIFEST), "Manifest-Version: 1.0\r\n\r\n")
            for source in (own, published):
                for entry in source.infolist():
                    if not entry.is_dir() and entry.filename != _MANIFEST:
                        made.writestr(entry, source.read(entry), compresslevel=1)
        os.fsync(file.fileno())


def _digest(file: Path) -> str:
    """16 hexadecimal digits of the SHA-256 of *file*."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:16]
