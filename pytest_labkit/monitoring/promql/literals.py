"""
The string literals of an expression, and its regular expressions.

`promql-parser` takes escapes for such in backticks too, and checks regular expressions as those of Rust.
So each literal is put to it in double quotes, and each regular expression, checked by RE2, in digits.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import re2

_PARTS = re.compile(
    r"""(?P<comment>\#[^\n]*) | (?P<matches>[=!]~\s*)? (?P<literal>
        `[^`]*` | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)
_SINGLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_HIDDEN = re.compile(r"\(((?:[0-9a-f]{2})*)\)(\??)")


def for_the_parser(expr: str) -> str:
    """*expr* with its literals as the parser takes them. Raises `ValueError` if one is none."""
    return _PARTS.sub(lambda part: part[0] if part["comment"] else _rewritten(part), expr)


def _rewritten(part: re.Match[str]) -> str:
    text = unquoted(part["literal"])
    if not part["matches"]:
        return quoted(text)
    return f'{part["matches"]}"{_hidden(text)}"'


def unquoted(literal: str) -> str:
    """What the Go string *literal* stands for."""
    quote, inside = literal[0], literal[1:-1]
    if quote == "`":
        return inside.replace("\r", "")

    def meant(escape: re.Match[str]) -> str:
        byte, short, long, octal, single = escape.groups()
        if single is not None:
            return quote if single == quote else _SINGLE[single]
        if byte or octal:  # a byte, maybe one of several of a character
            return bytes([int(byte, 16) if byte else int(octal, 8)]).decode("utf-8", "surrogateescape")
        return chr(int(short or long, 16))

    try:
        text = _ESCAPE.sub(meant, inside)
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except (KeyError, ValueError):
        raise ValueError(f"invalid escape in the string {literal}") from None


def quoted(text: str) -> str:
    """*text* as a literal in double quotes."""
    escapes = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r"}
    return f'"{"".join(escapes.get(character, character) for character in text)}"'


def _hidden(pattern: str) -> str:
    """*pattern* so that the parser sees no more than whether it matches nothing at all."""
    return f"({pattern.encode().hex()}){'?' if fully_matches(pattern, '') else ''}"


def pattern_of(matcher: Any) -> str:
    """The regular expression of a parsed *matcher*."""
    hidden = _HIDDEN.fullmatch(matcher.value)
    return bytes.fromhex(hidden[1]).decode() if hidden else str(matcher.value)


def fully_matches(pattern: str, value: str) -> bool:
    """Whether the regular expression matches the whole of *value*. Raises `ValueError` if it is none."""
    return compiled(pattern).fullmatch(value) is not None


@cache
def compiled(pattern: str) -> Any:
    """*pattern* as Prometheus 3 takes it, where `.` is any character, a line's end too."""
    return _compiled(pattern, dot_nl=True)


@cache
def search(pattern: str) -> Any:
    """*pattern* as Go's regexp takes it, where `.` is no line's end."""
    return _compiled(pattern, dot_nl=False)


def _compiled(pattern: str, *, dot_nl: bool) -> Any:
    options = re2.Options()
    options.log_errors, options.dot_nl = False, dot_nl
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0].decode("utf-8", "replace") if error.args else "it is none"
        raise ValueError(f"illegal regular expression {pattern!r}: {why}") from None
