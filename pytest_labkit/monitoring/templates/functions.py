"""The functions of templates: Go's own and those of Prometheus."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from pytest_labkit.monitoring.durations import seconds
from pytest_labkit.monitoring.promql.literals import search
from pytest_labkit.monitoring.templates import hosts, humanizing
from pytest_labkit.monitoring.templates.comparing import COMPARISONS
from pytest_labkit.monitoring.templates.errors import ExpansionFailed, UnsupportedTemplate
from pytest_labkit.monitoring.templates.printing import kind, printed, sprint, sprintf


class Sample(NamedTuple):
    """A sample that a query in a template gives."""

    Labels: dict[str, str]
    Value: float


class Typed(NamedTuple):
    """
    A function, and the types of what it takes.

    `object` is any type, `...` says that there may be any number of what is before it, or none.
    """

    do: Callable[..., Any]
    takes: tuple[Any, ...]


def _index(of: Any, *keys: Any) -> Any:
    for key in keys:
        match of:
            case dict() if isinstance(key, str):
                of = of.get(key, "")
            case list() | str() if type(key) is int:
                if not 0 <= key < len(of):
                    raise ExpansionFailed(f"error calling index: index out of range: {key}")
                of = ord(of[key]) if isinstance(of, str) else of[key]
            case _:
                raise ExpansionFailed(f"error calling index: can't index item of type {kind(of)}")
    return of


def _length(of: Any) -> int:
    if isinstance(of, str):
        return len(of.encode())
    if not isinstance(of, dict | list):
        raise ExpansionFailed(f"error calling len: len of type {kind(of)}")
    return len(of)


def _slice(of: Any, *ends: int) -> Any:
    if not isinstance(of, str | list) or len(ends) > 2:
        raise ExpansionFailed(f"error calling slice: can't slice item of type {kind(of)}")
    if not all(type(end) is int for end in ends):
        raise ExpansionFailed("error calling slice: cannot index slice/array with what is no integer")
    begin, end = (*ends, *(0, len(of))[len(ends) :])
    if not 0 <= begin <= end <= len(of):
        raise ExpansionFailed(f"error calling slice: invalid slice index: {begin} > {end}")
    return of[begin:end]


def _replaced(pattern: str, by: str, text: str) -> str:
    def made(found: Any) -> str:
        def group(named: re.Match[str]) -> str:
            name = named[1] or named[2]
            if name is None:
                return "$"
            try:
                return found[int(name) if name.isdigit() else name] or ""
            except (IndexError, KeyError):
                return ""

        return re.sub(r"\$(?:\{(\w+)\}|(\w+)|\$)", group, by)

    return str(search(pattern).sub(made, text))


def _first(samples: list[Sample]) -> Sample:
    if not samples:
        raise ExpansionFailed("error calling first: first() called on vector with no elements")
    return samples[0]


def _sorted(by: str, samples: list[Sample]) -> list[Sample]:
    return sorted(samples, key=lambda sample: sample.Labels.get(by, ""))


def _parsed_duration(text: str) -> float:
    try:
        return -seconds(text[1:]) if text.startswith("-") else seconds(text)
    except ValueError:
        raise ExpansionFailed(f'error calling parseDuration: not a valid duration string: "{text}"') from None


def _escaped(text: str) -> str:
    return html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def _escaped_for_urls(text: str) -> str:
    return quote_plus(text, safe="~")


def _unsupported(name: str) -> Callable[..., Any]:
    def do(*_: Any) -> Any:
        raise UnsupportedTemplate(name)

    return do


_TEXT, _ANY = (str,), (object,)

_NOT_HERE = "call", "js", "externalURL", "pathPrefix", "toTime", "toDuration"

FUNCTIONS: dict[str, Typed] = {
    **{name: Typed(do, (object, object)) for name, do in COMPARISONS.items()},
    "eq": Typed(COMPARISONS["eq"], (object, object, ...)),
    "not": Typed(lambda value: not value, _ANY),
    "index": Typed(_index, (object, object, ...)),
    "len": Typed(_length, _ANY),
    "slice": Typed(_slice, (object, object, ...)),
    "print": Typed(lambda *values: sprint(values), (object, ...)),
    "println": Typed(lambda *values: " ".join(map(printed, values)) + "\n", (object, ...)),
    "printf": Typed(lambda text, *values: sprintf(text, values), (str, object, ...)),
    "html": Typed(lambda *values: _escaped(sprint(values)), (object, ...)),
    "urlquery": Typed(lambda *values: _escaped_for_urls(sprint(values)), (object, ...)),
    "humanize": Typed(humanizing.humanize, _ANY),
    "humanize1024": Typed(humanizing.humanize1024, _ANY),
    "humanizeDuration": Typed(humanizing.humanize_duration, _ANY),
    "humanizePercentage": Typed(humanizing.humanize_percentage, _ANY),
    "humanizeTimestamp": Typed(humanizing.humanize_timestamp, _ANY),
    "toUpper": Typed(str.upper, _TEXT),
    "toLower": Typed(str.lower, _TEXT),
    "title": Typed(lambda text: re.sub(r"(?<![\w'])\w", lambda found: found[0].upper(), text), _TEXT),
    "safeHtml": Typed(str, _TEXT),
    "stripPort": Typed(hosts.strip_port, _TEXT),
    "stripDomain": Typed(hosts.strip_domain, _TEXT),
    "urlQueryEscape": Typed(lambda text: _escaped_for_urls(text), _TEXT),
    "graphLink": Typed(lambda query: f"/graph?g0.expr={_escaped_for_urls(query)}&g0.tab=0", _TEXT),
    "tableLink": Typed(lambda query: f"/graph?g0.expr={_escaped_for_urls(query)}&g0.tab=1", _TEXT),
    "match": Typed(lambda pattern, text: search(pattern).search(text) is not None, (str, str)),
    "reReplaceAll": Typed(_replaced, (str, str, str)),
    "parseDuration": Typed(_parsed_duration, _TEXT),
    "args": Typed(lambda *values: {f"arg{n}": value for n, value in enumerate(values)}, (object, ...)),
    "first": Typed(_first, (list,)),
    "label": Typed(lambda name, sample: sample.Labels.get(name, ""), (str, Sample)),
    "value": Typed(lambda sample: sample.Value, (Sample,)),
    "strvalue": Typed(lambda sample: sample.Labels.get("__value__", ""), (Sample,)),
    "sortByLabel": Typed(_sorted, (str, list)),
    **{name: Typed(_unsupported(name), (object, ...)) for name in _NOT_HERE},
}
NAMES = frozenset({*FUNCTIONS, "and", "or", "query", "now"})
"""What Prometheus knows as a function; the expansion itself has those that are no `FUNCTIONS`."""
