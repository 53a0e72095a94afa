"""The tokens of an action -> a pipeline."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_labkit.monitoring.promql.literals import unquoted
from pytest_labkit.monitoring.templates.functions import NAMES
from pytest_labkit.monitoring.templates.lexing import Token
from pytest_labkit.monitoring.templates.tree import Chain, Dot, Function, Literal, Operand, Pipeline, Variable

_WORDS = {"true": True, "false": False, "nil": None}
_END = Token("end", "", True)


class Reader:
    """Reads the *tokens* of one action; the variables that it declares are added to the known *variables*."""

    def __init__(self, tokens: Iterable[Token], variables: list[str]) -> None:
        self._left = list(tokens)
        self._variables = variables

    @property
    def next(self) -> Token:
        """The token that comes next."""
        return self._left[0] if self._left else _END

    def take(self) -> Token:
        """The token that comes next; it is not left any more."""
        return self._left.pop(0) if self._left else _END

    def finish(self, where: str) -> None:
        """Raises `ValueError` if there is something left."""
        if self._left:
            raise ValueError(f'unexpected "{self.next.text}" in {where}')

    def pipeline(self, where: str, *, closing: str = "") -> Pipeline:
        """The pipeline up to *closing*, with the variables it sets."""
        names, declares = self._names(where)
        commands = [self._command(where)]
        while self.next.text == "|" and self.next.kind == "sign":
            self.take()
            commands.append(self._command(where))
            if isinstance(commands[-1][0], Literal | Dot) and not getattr(commands[-1][0], "fields", ()):
                raise ValueError(f"non executable command in pipeline stage {len(commands)}")
        if self.take().text != closing:
            raise ValueError("unclosed left paren" if closing else f"unexpected token in {where}")
        if declares:
            self._variables.extend(names)
        return Pipeline(tuple(commands), names, declares)

    def _names(self, where: str) -> tuple[tuple[str, ...], bool]:
        texts = [token.text for token in self._left[:4]]
        count = 2 if where == "range" and texts[1:2] == [","] else 1
        sign = texts[2 * count - 1 : 2 * count]
        if self.next.kind != "variable" or sign not in ([":="], ["="]):
            return (), True
        names = tuple(self.take().text for _ in range(2 * count))[::2]
        for name in names if sign == ["="] else ():
            self._known(name)
        return names, sign == [":="]

    def _command(self, where: str) -> tuple[Operand, ...]:
        operands: list[Operand] = []
        while self.next.kind != "end" and self.next.text not in ("|", ")"):
            if operands and not self.next.spaced:
                raise ValueError(f'unexpected "{self.next.text}" in operand')
            operands.append(self._operand(where))
        if not operands:
            raise ValueError(f"missing value for {where}")
        return tuple(operands)

    def _operand(self, where: str) -> Operand:
        token = self.take()
        term = self._term(token, where)
        fields = []
        while self.next.kind == "field" and not self.next.spaced:
            fields.append(self.take().text[1:])
        if not fields:
            return term
        if isinstance(term, Variable):
            return Variable(term.name, tuple(fields))
        if isinstance(term, Dot) and term.fields:
            return Dot((*term.fields, *fields))
        if isinstance(term, Function | Pipeline):
            return Chain(term, tuple(fields))
        raise ValueError(f'unexpected . after term "{token.text}"')

    def _term(self, token: Token, where: str) -> Operand:
        match token.kind:
            case "word" if token.text in _WORDS:
                return Literal(_WORDS[token.text])
            case "word" if token.text in NAMES:
                return Function(token.text)
            case "word":
                raise ValueError(f'function "{token.text}" not defined')
            case "dot":
                return Dot()
            case "field":
                return Dot((token.text[1:],))
            case "variable":
                return Variable(self._known(token.text))
            case "string" | "char":
                text = unquoted(token.text)
                return Literal(text if token.kind == "string" else ord(text))
            case "number":
                return Literal(_number(token.text))
            case "sign" if token.text == "(":
                return self.pipeline("parenthesized pipeline", closing=")")
        raise ValueError(f'unexpected "{token.text}" in {where}')

    def _known(self, name: str) -> str:
        if name not in self._variables:
            raise ValueError(f'undefined variable "{name}"')
        return name


def _number(text: str) -> int | float:
    """An integer, unless it is written as a float."""
    try:
        return int(text, 0)
    except ValueError:
        pass
    try:
        return float(text) if any(sign in text for sign in ".eE") else int(text, 8)
    except ValueError:
        raise ValueError(f'bad number syntax: "{text}"') from None
