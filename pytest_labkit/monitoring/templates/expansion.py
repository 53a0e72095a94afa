"""A template's tree and an alert -> text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_labkit.monitoring.templates.errors import ExpansionFailed, UnsupportedTemplate
from pytest_labkit.monitoring.templates.functions import FUNCTIONS, Sample, Typed
from pytest_labkit.monitoring.templates.parsing import GIVEN, parse
from pytest_labkit.monitoring.templates.printing import kind, shown
from pytest_labkit.monitoring.templates.tree import (
    Body,
    Branch,
    Chain,
    Dot,
    Function,
    Include,
    Jump,
    Literal,
    Operand,
    Pipeline,
    Text,
    Variable,
)

_Values = tuple[Any, ...]
_Variables = list[tuple[str, Any]]
_DEEPEST, _MOST_ACTIONS, _LONGEST = 50, 100_000, 100_000


@dataclass(frozen=True)
class Given:
    """What `.` is in the template of an alert."""

    Labels: dict[str, str]
    Value: float
    ExternalLabels: dict[str, str]
    ExternalURL: str = ""


def expand(
    text: str, labels: Mapping[str, str], value: float, now: float, query: Callable[[str], list[Sample]]
) -> str:
    """
    *text* for a sample with *labels* and *value*, *now*; where Prometheus fails, what it shows then.

    Raises:
        UnsupportedTemplate: The kit cannot expand it.
    """
    given = Given(dict(labels), value, {})
    variables: _Variables = list(zip(("$", *GIVEN), (given, given.Labels, {}, "", value), strict=True))
    template = parse(text)
    functions = {**FUNCTIONS, "query": Typed(query, (str,)), "now": Typed(lambda: now, ())}
    try:
        return "".join(_Expansion(template.defined, functions).texts(template.body, given, variables))
    except ExpansionFailed as error:
        return f"<error expanding template: {error}>"
    except RecursionError:
        raise UnsupportedTemplate("templates that include one another so deep") from None


class _Jumped(Exception):
    def __init__(self, kind: str) -> None:
        self.kind = kind


class _Expansion:
    def __init__(self, defined: Mapping[str, Body], functions: Mapping[str, Typed]) -> None:
        self._defined, self._functions = defined, functions
        self._depth = self._actions = 0

    def texts(self, body: Body, dot: Any, variables: _Variables) -> Iterator[str]:
        """The texts that *body* gives, looking at *dot*."""
        known = len(variables)
        for part in body:
            self._actions += 1
            if self._actions > _MOST_ACTIONS:
                raise UnsupportedTemplate(f"more than {_MOST_ACTIONS:,} actions")
            match part:
                case Text():
                    yield part.text
                case Pipeline():
                    value = self._pipeline(part, dot, variables)
                    yield "" if part.names else shown(value)
                case Branch():
                    yield from self._branch(part, dot, variables)
                case Include():
                    yield from self._include(part, dot, variables)
                case Jump():
                    raise _Jumped(part.kind)
        del variables[known:]

    def _branch(self, branch: Branch, dot: Any, variables: _Variables) -> Iterator[str]:
        inner = list(variables)
        names = branch.pipeline.names if branch.kind == "range" else ()
        value = self._pipeline(branch.pipeline, dot, inner)
        if branch.kind == "range":
            inner = list(variables)
            yield from self._range(branch, names, value, dot, inner)
        elif value is not None and value:
            yield from self.texts(branch.body, value if branch.kind == "with" else dot, inner)
        else:
            yield from self.texts(branch.otherwise, dot, inner)
        variables[:] = inner[: len(variables)]

    def _range(
        self, branch: Branch, names: tuple[str, ...], value: Any, dot: Any, variables: _Variables
    ) -> Iterator[str]:
        known, items = len(variables), list(_items(value))
        for key, item in items:
            variables += zip(names, (key, item) if len(names) == 2 else (item,), strict=False)
            try:
                yield from self.texts(branch.body, item, variables)
            except _Jumped as jumped:
                if jumped.kind == "break":
                    break
            finally:
                del variables[known:]
        if not items:
            yield from self.texts(branch.otherwise, dot, variables)

    def _include(self, include: Include, dot: Any, variables: _Variables) -> Iterator[str]:
        if include.name not in self._defined:
            raise ExpansionFailed(f'template "{include.name}" not defined')
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UnsupportedTemplate(f"more than {_DEEPEST} templates in one another")
        value = self._pipeline(include.pipeline, dot, variables) if include.pipeline else None
        yield from self.texts(self._defined[include.name], value, [("$", value)])
        self._depth -= 1

    def _pipeline(self, pipeline: Pipeline, dot: Any, variables: _Variables) -> Any:
        passed: _Values = ()
        for command in pipeline.commands:
            passed = (self._command(command, passed, dot, variables),)
        for name in pipeline.names:
            _set(variables, name, passed[0], declares=pipeline.declares)
        return passed[0]

    def _command(self, command: tuple[Operand, ...], passed: _Values, dot: Any, variables: _Variables) -> Any:
        first, *rest = command
        if isinstance(first, Function):
            if first.name in ("and", "or"):
                return self._logic(first.name, rest, passed, dot, variables)
            args = [self._operand(arg, dot, variables) for arg in rest]
            return _called(first.name, self._functions[first.name], (*args, *passed))
        if isinstance(first, Literal) and first.value is None:
            raise ExpansionFailed("nil is not a command")
        if rest or passed:
            raise ExpansionFailed("can't give argument to non-function")
        return self._operand(first, dot, variables)

    def _logic(self, name: str, args: list[Operand], passed: _Values, dot: Any, variables: _Variables) -> Any:
        value: Any = None
        for arg in args:
            value = self._operand(arg, dot, variables)
            if bool(value) == (name == "or"):
                return value
        return passed[0] if passed else value

    def _operand(self, operand: Operand, dot: Any, variables: _Variables) -> Any:
        match operand:
            case Literal():
                return operand.value
            case Dot():
                return _fields(dot, operand.fields)
            case Variable():
                found = next(value for name, value in reversed(variables) if name == operand.name)
                return _fields(found, operand.fields)
            case Function():
                return self._command((operand,), (), dot, variables)
            case Chain():
                return _fields(self._operand(operand.of, dot, variables), operand.fields)
            case _:
                return self._pipeline(operand, dot, variables)


def _set(variables: _Variables, name: str, value: Any, *, declares: bool) -> None:
    if declares:
        variables.append((name, value))
        return
    place = max(n for n, (known, _) in enumerate(variables) if known == name)
    variables[place] = name, value


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    """What `range` goes over."""
    match value:
        case dict():
            yield from sorted(value.items())
        case Sample() | str() | float() | bool() | Given():
            raise ExpansionFailed(f"range can't iterate over {shown(value)}")
        case list():
            yield from enumerate(value)
        case int() if value > _MOST_ACTIONS:
            raise UnsupportedTemplate(f"a range over {value:,}")
        case int():
            yield from ((n, n) for n in range(value))


def _fields(value: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        if isinstance(value, dict):
            value = value.get(name, "")
        elif isinstance(value, Given | Sample) and name in type(value).__annotations__:
            value = getattr(value, name)
        elif value is None:
            raise ExpansionFailed(f"nil pointer evaluating interface {{}}.{name}")
        else:
            raise ExpansionFailed(f"can't evaluate field {name} in type {kind(value)}")
    return value


def _called(name: str, function: Typed, args: _Values) -> Any:
    takes = function.takes
    fixed = tuple(kind_ for kind_ in takes if kind_ is not ...)
    many = takes[-1:] == (...,)
    if len(args) < len(fixed) - many or (len(args) > len(fixed) and not many):
        raise ExpansionFailed(f"wrong number of args for {name}: want {len(fixed)} got {len(args)}")
    for arg, wanted in zip(args, fixed, strict=False):
        if not isinstance(arg, wanted):
            expected = _TYPES.get(wanted, wanted.__name__)
            raise ExpansionFailed(f"wrong type for value; expected {expected}; got {kind(arg)}")
    found = function.do(*args)
    if isinstance(found, str) and len(found) > _LONGEST:
        raise UnsupportedTemplate(f"a text of more than {_LONGEST:,} characters")
    return found


_TYPES = {str: "string", list: "template.queryResult", Sample: "*template.sample"}
