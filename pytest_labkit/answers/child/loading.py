"""Imports a student's files as modules of the lab's package, in this process."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType


def open_package(package: str, root: Path, folders: Iterable[Path]) -> None:
    """
    Make *package* importable, its modules searched for in *folders*, in that order.

    `sys.path` stays as it is: another project on it may have a package of the same name. The given
    files of a lab stay loaded between tests: an exception that a test names is then the very class
    that the student's code raises.
    """
    folder, name = root, ""
    for part in package.split("."):
        folder, name = folder / part, f"{name}.{part}".lstrip(".")
        if name not in sys.modules:
            sys.modules[name] = module = ModuleType(name)
            module.__path__ = [str(folder)]
    sys.modules[package].__path__ = [str(folder) for folder in folders]
    importlib.invalidate_caches()


def forget(package: str, modules: Iterable[str]) -> None:
    """Drop *modules* of *package*, so that the next test imports them afresh, without their state."""
    for name in modules:
        sys.modules.pop(f"{package}.{name.replace('/', '.')}", None)
        parent = sys.modules.get(package)
        if parent is not None and hasattr(parent, name):
            delattr(parent, name)


def load(package: str, name: str) -> ModuleType:
    """The module *name* of *package*."""
    return importlib.import_module(f"{package}.{name}")
