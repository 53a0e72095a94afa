"""Which classes both sides know: Python's own and those of the lab's given files, never a student's."""

from __future__ import annotations

import builtins
import importlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Given:
    """
    The lab's *package* and the dotted names of its given *modules*.

    A name from the other side is looked up here and nowhere else: an import of a student's file by the
    process that judges it would hand it over.
    """

    package: str
    modules: frozenset[str]

    def name_of(self, kind: type) -> str | None:
        """`module:name` of a class that both sides know, `None` of any other."""
        module, name = getattr(kind, "__module__", None), getattr(kind, "__qualname__", None)
        if not (isinstance(module, str) and isinstance(name, str)):
            return None
        return f"{module}:{name}" if self.find(f"{module}:{name}") is kind else None

    def find(self, name: str) -> type | None:
        """The class that `module:name` stands for, `None` if there is no such class that both know."""
        module, _, attribute = name.partition(":")
        if module == "builtins":
            found = getattr(builtins, attribute, None)
        elif module in self.modules:
            found = getattr(importlib.import_module(module), attribute, None)
        else:
            return None
        return found if isinstance(found, type) else None
