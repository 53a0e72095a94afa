"""Two values beside each other as a student reads them: of long ones, only what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

LONGEST = 400  # characters of a value that are shown whole
_MOST = 6  # differences that are shown
_AROUND = 40  # characters on each side of the first difference in a text
_GONE = object()
_Row = tuple[str, Any, Any]  # the place, what was expected there, what was got


def differing(expected: Any, got: Any) -> tuple[str, str]:
    """
    *expected* and *got*, each in a line; where one is too long for that, the keys in which they differ.

    Keys are fields of an object, keys of a mapping, places of a list, any of them in one another. A state's
    `version` is among them in any case.
    """
    both = _repr(expected), _repr(got)
    if max(map(len, both)) > LONGEST and type(expected) is type(got):
        with suppress(Exception):  # of what a student has made, each attribute may raise
            if rows := _rows(expected, got):
                return _in_a_line(rows, 1), _in_a_line(rows, 2)
    return _cut(both[0]), _cut(both[1])


def shown(value: Any) -> str:
    """*value* as it is shown to a student: its `repr`, cut if it is long; a broken `repr` is said."""
    return _cut(_repr(value))


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:
        return f"a {type(value).__name__} whose repr() raised {type(error).__name__}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _rows(expected: Any, got: Any) -> list[_Row]:
    """The differences; of two states that have one their versions first."""
    found = list(_differences(expected, got, ""))
    if not found or not _has_versions(expected, got):
        return found
    return [
        ("version", vars(expected)["version"], vars(got)["version"]),
        *(row for row in found if row[0] != "version"),
    ]


def _in_a_line(rows: Sequence[_Row], side: int) -> str:
    more = f" … and {len(rows) - _MOST} more" if len(rows) > _MOST else ""
    return ", ".join(f"{row[0]} {_said(row[side])}" for row in rows[:_MOST]) + more


def _said(value: Any) -> str:
    return "missing" if value is _GONE else _short(_repr(value))


def _short(text: str) -> str:
    return text if len(text) <= 2 * _AROUND else f"{text[:_AROUND]}…{text[-_AROUND:]}"


def _has_versions(expected: Any, got: Any) -> bool:
    return all("version" in getattr(value, "__dict__", {}) for value in (expected, got))


def _differences(expected: Any, got: Any, place: str) -> Iterator[_Row]:
    """The places, from the outside in, at which the two are not the same: as deep as their types agree."""
    same_type = type(expected) is type(got)
    members, others = _members(expected), _members(got)
    if not same_type or members is None or others is None:
        if not same_type or expected != got:
            yield (place or "it", *_where_they_part(expected, got))
        return
    for key in dict.fromkeys([*members, *others]):
        is_field = not isinstance(expected, Mapping | list | tuple)
        inner = f"{place}.{key}".lstrip(".") if is_field else f"{place}[{key!r}]"
        yield from _differences(members.get(key, _GONE), others.get(key, _GONE), inner)


def _members(value: Any) -> dict[Any, Any] | None:
    """The parts of *value* by their keys, `None` if it has none."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple):
        return dict(enumerate(value))
    return dict(vars(value)) if hasattr(value, "__dict__") and not callable(value) else None


def _where_they_part(expected: Any, got: Any) -> tuple[Any, Any]:
    """Of two long texts the place where they part."""
    if (
        not (isinstance(expected, str) and isinstance(got, str))
        or max(len(expected), len(got)) <= 2 * _AROUND
    ):
        return expected, got
    pairs = zip(expected, got, strict=False)
    at = next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(expected), len(got)))
    start = max(at - _AROUND, 0)
    return expected[start : at + _AROUND], got[start : at + _AROUND]
