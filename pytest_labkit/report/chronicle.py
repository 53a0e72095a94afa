"""
What a test saw, drawn by the calendar: a row for each lane, bars for what lasted, marks for instants.

Positions along the time are in percent and heights in pixels, so that it fits any width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pytest_labkit.domain.model import Chronicle, Span

MOST = 300  # spans that are drawn
_TICKS = 5
_AXIS_PX, _NAME_PX, _BAR_PX = 22, 18, 28
_NARROWEST, _MARK_PX = 0.3, 3  # percent, pixels
_DAYS = timedelta(days=3)  # below it, ticks say the hour too


@dataclass(frozen=True)
class Tick:
    """An instant named above the lanes, *x* in percent; anchored so that it stays inside."""

    x: float
    label: str
    anchor: str


@dataclass(frozen=True)
class Lane:
    """A lane's name, and the height of its top."""

    name: str
    y: int


@dataclass(frozen=True)
class Bar:
    """A span: *x* in percent, *width* too if it *lasts*, else in pixels; *told* says it in words."""

    lane: int
    x: float
    width: float
    lasts: bool
    y: int
    told: str


@dataclass(frozen=True)
class Calendar:
    """All of the drawing."""

    height: int
    ticks: tuple[Tick, ...]
    lanes: tuple[Lane, ...]
    bars: tuple[Bar, ...]
    left_out: int


def calendar(chronicle: Chronicle) -> Calendar | None:
    """The drawing of *chronicle*; `None` where no two instants in it differ."""
    spans = chronicle.spans[:MOST]
    instants = [at for span in spans for at in (span.start, span.end) if at]
    if not instants or min(instants) == max(instants):
        return None
    begin, end = min(instants), max(instants)
    names = list(dict.fromkeys(span.lane for span in spans))
    tops = [_AXIS_PX + number * (_NAME_PX + _BAR_PX) for number in range(len(names))]
    return Calendar(
        height=_AXIS_PX + len(names) * (_NAME_PX + _BAR_PX),
        ticks=tuple(_tick(number, begin, end) for number in range(_TICKS)),
        lanes=tuple(map(Lane, names, tops)),
        bars=tuple(_bar(span, names, tops, begin, end) for span in _in_order(spans, names)),
        left_out=len(chronicle.spans) - len(spans),
    )


def _in_order(spans: Sequence[Span], names: Sequence[str]) -> list[Span]:
    return sorted(spans, key=lambda span: (names.index(span.lane), span.start))


def _bar(span: Span, names: Sequence[str], tops: Sequence[int], begin: datetime, end: datetime) -> Bar:
    lane = names.index(span.lane)
    x = _percent(span.start, begin, end)
    width = 0.0 if span.end is None else max(_percent(span.end, begin, end) - x, _NARROWEST)
    return Bar(
        lane=lane,
        x=x,
        width=round(width, 2) if span.end else _MARK_PX,
        lasts=span.end is not None,
        y=tops[lane] + _NAME_PX,
        told=f"{span.lane}: {span.label}, {_when(span)}",
    )


def _when(span: Span) -> str:
    """`3 May 2025 12:00`, or `1 May 2025 00:00 to 1 June 2025 00:00`."""
    instants = [at for at in (span.start, span.end) if at]
    return " to ".join(f"{at.day} {at:%B %Y %H:%M}" for at in instants)


def _tick(number: int, begin: datetime, end: datetime) -> Tick:
    at = begin + (end - begin) * number / (_TICKS - 1)
    label = f"{at.day} {at:%b %Y}" if end - begin > _DAYS else f"{at.day} {at:%b %H:%M}"
    anchor = {0: "start", _TICKS - 1: "end"}.get(number, "middle")
    return Tick(100 * number / (_TICKS - 1), label, anchor)


def _percent(at: datetime, begin: datetime, end: datetime) -> float:
    return round(100 * ((at - begin) / (end - begin)), 2)
