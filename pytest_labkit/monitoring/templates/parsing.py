"""A template's text -> its tree."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from pytest_labkit.monitoring.promql.literals import unquoted
from pytest_labkit.monitoring.templates.lexing import Token, pieces
from pytest_labkit.monitoring.templates.operands import Reader
from pytest_labkit.monitoring.templates.tree import Body, Branch, Include, Jump, Pipeline, Template, Text

GIVEN = ("$labels", "$externalLabels", "$externalURL", "$value")
_BRANCHES = ("if", "with", "range")
_DEEPEST = 50


@cache
def parse(text: str) -> Template:
    """The tree of *text*. Raises `ValueError` if Prometheus cannot read it."""
    parser = _Parser(list(pieces(text)))
    body, ended = parser.body(("$", *GIVEN))
    if ended:
        raise ValueError(f"unexpected {{{{{ended[0].text}}}}}")
    return Template(body, parser.defined)


class _Parser:
    def __init__(self, left: list[str | list[Token]]) -> None:
        self._left = left
        self._ranges = self._depth = 0
        self.defined: dict[str, Body] = {}

    def body(self, variables: Sequence[str]) -> tuple[Body, list[Token]]:
        """What comes up to `else` or `end`, and the tokens of that; none at the end of the text."""
        known, made = list(variables), []
        while self._left:
            piece = self._left.pop(0)
            if isinstance(piece, str):
                made.append(Text(piece))
            elif piece and piece[0].text in ("else", "end"):
                return tuple(made), piece
            else:
                made += self._action(piece, known)
        return tuple(made), []

    def _action(self, tokens: list[Token], known: list[str]) -> list[Any]:
        word, rest = (tokens[0].text, tokens[1:]) if tokens else ("", [])
        if word in _BRANCHES:
            return [self._branch(word, rest, known)]
        if word in ("break", "continue"):
            if not self._ranges or rest:
                raise ValueError(f"{{{{{word}}}}} outside {{{{range}}}}")
            return [Jump(word)]
        if word in ("define", "block", "template"):
            return self._named(word, rest, known)
        return [self._pipeline("command", tokens, known)]

    def _pipeline(self, where: str, tokens: list[Token], known: list[str]) -> Pipeline:
        return Reader(tokens, known).pipeline(where)

    def _branch(self, kind: str, tokens: list[Token], outer: Sequence[str]) -> Branch:
        known = list(outer)
        pipeline = self._pipeline(kind, tokens, known)
        self._ranges += kind == "range"
        body, ended = self._inside(known)
        self._ranges -= kind == "range"
        otherwise: Body = ()
        if ended[0].text == "else":
            otherwise = self._otherwise(kind, ended[1:], known)
        return Branch(kind, pipeline, body, otherwise)

    def _otherwise(self, kind: str, tokens: list[Token], known: list[str]) -> Body:
        if tokens:  # {{else if …}} shares the {{end}} of the {{if}}
            if tokens[0].text != kind or kind == "range":
                raise ValueError(f'unexpected "{tokens[0].text}" in else')
            return (self._branch(kind, tokens[1:], known),)
        body, ended = self._inside(known)
        if ended[0].text == "else":
            raise ValueError("unexpected {{else}}")
        return body

    def _inside(self, known: Sequence[str]) -> tuple[Body, list[Token]]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} actions in one another")
        body, ended = self.body(known)
        if not ended:
            raise ValueError("unexpected EOF")
        self._depth -= 1
        if ended[0].text == "end" and ended[1:]:
            raise ValueError(f'unexpected "{ended[1].text}" in end')
        return body, ended

    def _named(self, word: str, tokens: list[Token], known: list[str]) -> list[Any]:
        if not tokens or tokens[0].kind != "string":
            raise ValueError(f'unexpected "{tokens[0].text if tokens else "}}"}" in {word} clause')
        name, rest = unquoted(tokens[0].text), tokens[1:]
        pipeline = self._pipeline(word, rest, known) if rest and word != "define" else None
        if word != "template":
            body, ended = self._inside(("$",))
            if ended[0].text != "end" or (word == "define" and rest):
                raise ValueError(f"unexpected {{{{{ended[0].text}}}}} in {word} clause")
            self.defined[name] = body
        return [] if word == "define" else [Include(name, pipeline)]
