"""A template's text -> texts, and the tokens of the actions between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<space>\s+) | (?P<string>"(?:\\.|[^"\\\n])*" | `[^`]*`) | (?P<char>'(?:\\.|[^'\\\n])+')
    | (?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?))
    | (?P<field>\.\w+) | (?P<dot>\.) | (?P<variable>\$\w*) | (?P<word>[^\W\d]\w*) | (?P<sign>:=|[=|(),])""",
    re.VERBOSE,
)
_OPEN = re.compile(r"\{\{(-\s)?")
_COMMENT = re.compile(r"\s*/\*.*?\*/(\s-)?\}\}", re.DOTALL)
_CLOSE = re.compile(r"(\s+-)?\}\}")
_SPACES = " \t\r\n"


class Token(NamedTuple):
    """A token of an action; *spaced* if something other than a token is before it."""

    kind: str
    text: str
    spaced: bool


def pieces(text: str) -> Iterator[str | list[Token]]:
    """The texts of a template as they are shown, and its actions. Raises `ValueError`."""
    at, trims = 0, False
    while opened := _OPEN.search(text, at):
        yield _trimmed(text[at : opened.start()], left=trims, right=bool(opened[1]))
        if comment := _COMMENT.match(text, opened.end()):
            at, trims = comment.end(), bool(comment[1])
            continue
        tokens, closed = _action(text, opened.end())
        at, trims = closed.end(), bool(closed[1])
        yield tokens
    yield _trimmed(text[at:], left=trims, right=False)


def _trimmed(text: str, *, left: bool, right: bool) -> str:
    text = text.lstrip(_SPACES) if left else text
    return text.rstrip(_SPACES) if right else text


def _action(text: str, at: int) -> tuple[list[Token], re.Match[str]]:
    tokens, spaced = [], True
    while not (closed := _CLOSE.match(text, at)):
        if (found := _TOKEN.match(text, at)) is None:
            raise ValueError(_why_not(text[at : at + 1]))
        if found.lastgroup != "space":
            tokens.append(Token(str(found.lastgroup), found[0], spaced))
        spaced, at = found.lastgroup == "space", found.end()
    return tokens, closed


def _why_not(character: str) -> str:
    if not character:
        return "unclosed action"
    if character in "\"'`":
        return "unterminated quoted string"
    return f"unexpected {character!r} in an action"
