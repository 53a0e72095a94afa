"""One place, two paths: a project may be reached through a symbolic link, and its files without."""

from __future__ import annotations

from pathlib import Path


def within(root: Path, path: Path) -> Path:
    """*path* as a path below *root*, where it leads there; else as it is."""
    if path.is_relative_to(root):
        return path
    real, real_root = path.resolve(), root.resolve()
    return root / real.relative_to(real_root) if real.is_relative_to(real_root) else path
