"""Values as Go's fmt prints them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

_VERB = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:(\.)(\*|\d+)?)?(.)?", re.DOTALL)
_TYPES: dict[type, str] = {
    bool: "bool",
    int: "int",
    float: "float64",
    str: "string",
    dict: "map[string]string",
}


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
        case _:
            return str(value)


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


def sprint(values: Sequence[Any]) -> str:
    """As Sprint: a space between two that are no strings."""
    text = ""
    for n, value in enumerate(values):
        apart = n and not isinstance(value, str) and not isinstance(values[n - 1], str)
        text += (" " if apart else "") + shown(value)
    return text


def sprintf(text: str, values: Sequence[Any]) -> str:
    """As Sprintf: what does not fit is shown in the text."""
    left = list(values)

    def made(verb: re.Match[str]) -> str:
        flags, width, dot, precision, letter = verb.groups()
        if letter is None:
            return "%!(NOVERB)"
        if letter == "%":
            return "%"
        if width == "*":
            width = str(left.pop(0))
        if precision == "*":
            precision = str(left.pop(0))
        if not left:
            return f"%!{letter}(MISSING)"
        return _one(letter, left.pop(0), flags, width or "", f".{precision or 0}" if dot else "")

    done = _VERB.sub(made, text)
    extra = ", ".join(f"{kind(value)}={shown(value)}" for value in left)
    return f"{done}%!(EXTRA {extra})" if left else done


def _one(letter: str, value: Any, flags: str, width: str, precision: str) -> str:
    """*value* as the verb *letter* prints it."""
    if isinstance(value, float) and (letter in "eEfFgG" or (letter == "v" and precision)):
        return _float("g" if letter == "v" else letter, value, flags, width, precision)
    if isinstance(value, int) and not isinstance(value, bool) and letter in "dxXoc":
        return str(f"%{flags}{width}{precision}{letter}" % value)
    if isinstance(value, str) and letter == "s" and precision:
        value = value[: int(precision[1:])]
    return _padded(_text(letter, value), flags, width)


def _text(letter: str, value: Any) -> str:
    match letter, value:
        case "v", None:
            return "<nil>"
        case ("v", _) | ("t", bool()) | ("s", str()):
            return shown(value)
        case "T", _:
            return kind(value)
        case "q", str():
            return json.dumps(value, ensure_ascii=False)
        case _, None:
            return f"%!{letter}(<nil>)"
        case _, str() | int() | float():
            return f"%!{letter}({kind(value)}={shown(value)})"
        case _:
            return shown(value)


def _float(letter: str, value: float, flags: str, width: str, precision: str) -> str:
    if not math.isfinite(value) or (letter in "gG" and not precision):
        return _padded(number(value), flags, width)
    return str(f"%{flags}{width}{precision}{letter}" % value)


def _padded(text: str, flags: str, width: str) -> str:
    if not width:
        return text
    return text.ljust(int(width)) if "-" in flags else text.rjust(int(width))
