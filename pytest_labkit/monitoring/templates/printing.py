"""Values as Go's fmt prints them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from pytest_labkit.monitoring.templates.errors import UnsupportedTemplate

_VERB = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:(\.)(\*|\d+)?)?(.)?", re.DOTALL)
_TYPES: dict[type, str] = {
    bool: "bool",
    int: "int",
    float: "float64",
    str: "string",
    dict: "map[string]string",
}


_VERBS: dict[type, str] = {bool: "tv", int: "vdboOxXcqU", float: "vbgGxXfFeE", str: "vsxXq"}
"""The verbs that Go knows for each type; any other is shown as wrong."""


def kind(value: Any) -> str:
    """The type of *value* in Go."""
    return "<nil>" if value is None else _TYPES.get(type(value), type(value).__name__)


def shown(value: Any) -> str:
    """As `%v` prints it."""
    match value:
        case None:
            return "<no value>"
        case bool():
            return "true" if value else "false"
        case float():
            return number(value)
        case dict():
            return f"map[{' '.join(f'{key}:{shown(value[key])}' for key in sorted(value))}]"
        case list():
            return f"[{' '.join(map(shown, value))}]"
        case str() | int():
            return str(value)
        case _:
            raise UnsupportedTemplate(f"a {kind(value)} that is shown as a whole")


def number(value: float) -> str:
    """The shortest text that stands for *value* and no other float."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = len(digits) + int(exponent) - 1 if value else 0
    if -4 <= power < 6:
        return format(Decimal(repr(value)).normalize() + 0, "f") if value else "-0" if sign else "0"
    first, *rest = map(str, digits)
    mantissa = f"{first}.{''.join(rest)}" if rest else first
    return f"{'-' if sign else ''}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


def printed(value: Any) -> str:
    """As Print prints it, which knows nothing of templates."""
    return "<nil>" if value is None else shown(value)


def sprint(values: Sequence[Any]) -> str:
    """As Sprint: a space between two that are no strings."""
    text = ""
    for n, value in enumerate(values):
        apart = n and not isinstance(value, str) and not isinstance(values[n - 1], str)
        text += (" " if apart else "") + printed(value)
    return text


def sprintf(text: str, values: Sequence[Any]) -> str:
    """As Sprintf: what does not fit is shown in the text. Raises `UnsupportedTemplate` for rare verbs."""
    left = list(values)

    def made(verb: re.Match[str]) -> str:
        flags, width, _, precision, letter = verb.groups()
        if letter is None:
            return "%!(NOVERB)"
        if letter == "%":
            return "%"
        wide = any(len(size or "") > 3 for size in (width, precision))
        if wide or "*" in (width, precision) or "#" in flags:
            raise UnsupportedTemplate(f"the verb {verb[0]} of printf")
        return _Verb(*verb.groups("")).of(left.pop(0)) if left else f"%!{letter}(MISSING)"

    done = _VERB.sub(made, text)
    extra = ", ".join("<nil>" if value is None else f"{kind(value)}={shown(value)}" for value in left)
    return f"{done}%!(EXTRA {extra})" if left else done


class _Verb(NamedTuple):
    flags: str
    width: str
    dot: str
    precision: str
    letter: str

    def of(self, value: Any) -> str:
        """*value* as this verb prints it."""
        if self.letter == "T":
            return self._padded(kind(value))
        if value is None:
            return self._plain("<nil>" if self.letter == "v" else f"%!{self.letter}(<nil>)")
        if type(value) not in _VERBS:
            return self._plain(shown(value)) if self.letter in "vs" else self._unsupported(value)
        if self.letter not in _VERBS[type(value)]:
            return self._plain(f"%!{self.letter}({kind(value)}={shown(value)})")
        return getattr(self, f"_{type(value).__name__}")(value)  # type: ignore[no-any-return]

    def _bool(self, value: bool) -> str:
        return self._padded(shown(value))

    def _int(self, value: int) -> str:
        if self.letter == "v":
            return self._padded(str(value))
        if self.letter not in "dxXo":
            return self._unsupported(value)
        return str(f"%{self.flags}{self.width}{self.dot}{self.precision}{self.letter}" % value)

    def _float(self, value: float) -> str:
        if self.letter in "bxX":
            return self._unsupported(value)
        if not math.isfinite(value) or (self.letter in "gGv" and not self.dot):
            return self._padded(number(value).replace("e", "E" if self.letter == "G" else "e"))
        if self.letter == "v" and self.flags:
            return self._unsupported(value)
        letter = "g" if self.letter == "v" else self.letter
        return str(f"%{self.flags}{self.width}{self.dot}{self.precision}{letter}" % value)

    def _str(self, value: str) -> str:
        cut = value[: int(self.precision or 0)] if self.dot else value
        if self.letter in "sv":
            return self._padded(cut)
        if self.letter == "q" and value.isprintable() and not self.dot:
            return self._padded(json.dumps(value, ensure_ascii=False))
        made = value.encode().hex() if self.letter in "xX" else self._unsupported(value)
        return self._plain(made.upper() if self.letter == "X" else made)

    def _padded(self, text: str) -> str:
        if self.flags.strip("-"):
            return self._unsupported(text)
        width = int(self.width or 0)
        return text.ljust(width) if self.flags else text.rjust(width)

    def _plain(self, text: str) -> str:
        return self._unsupported(text) if self.flags or self.width or self.dot else text

    def _unsupported(self, value: Any) -> str:
        verb = f"%{self.flags}{self.width}{self.dot}{self.precision}{self.letter}"
        raise UnsupportedTemplate(f"the verb {verb} of printf for a {kind(value)}")
