"""
A drawing of marks on lanes, some of them joined by lines: what of it stands where on the page.

Positions along a lane are in percent and heights in pixels, so that it fits any width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_labkit.domain.model import Drawing, Join, Mark
from pytest_labkit.report.wording import figure

MOST = 300  # marks that are drawn
_TOP_PX, _LANE_PX, _DOT_PX = 30, 52, 14
_FIRST, _LAST = 2.0, 98.0  # percent: a mark at the edge is seen whole
_LETTER = 1.0  # percent that a letter may need


@dataclass(frozen=True)
class Lane:
    """A lane's name, and the height that it stands at; the lane itself is below it."""

    name: str
    y: int


@dataclass(frozen=True)
class Dot:
    """A mark: *x* in percent, *y* in pixels; *label* is written below it, if it is not empty."""

    x: float
    y: int
    wrong: bool
    label: str
    anchor: str
    told: str


@dataclass(frozen=True)
class Line:
    """A join, from one mark to another."""

    x1: float
    y1: int
    x2: float
    y2: int
    told: str


@dataclass(frozen=True)
class Picture:
    """All of the drawing; *first* and *last* are where its lanes begin and end."""

    height: int
    first: str
    last: str
    lanes: tuple[Lane, ...]
    dots: tuple[Dot, ...]
    lines: tuple[Line, ...]
    left_out: int


def picture(drawing: Drawing) -> Picture | None:
    """The picture of *drawing*, its lanes by name; `None` where there are no marks."""
    marks = drawing.marks[:MOST]
    if not marks:
        return None
    names = sorted({mark.lane for mark in marks})
    lanes = tuple(Lane(name, _TOP_PX + number * _LANE_PX) for number, name in enumerate(names))
    tops = {lane.name: lane.y + _DOT_PX for lane in lanes}
    first, last = min(mark.at for mark in marks), max(mark.at for mark in marks)
    joins = [join for join in drawing.joins if 0 <= join.one < len(marks) and 0 <= join.other < len(marks)]
    dots = [_dot(mark, _percent(mark.at, first, last), tops[mark.lane]) for mark in marks]
    joined = {place for join in joins for place in (join.one, join.other)}
    labelled = _with_labels(dots, marks, [n for n, mark in enumerate(marks) if mark.wrong or n in joined])
    return Picture(
        height=_TOP_PX + len(lanes) * _LANE_PX,
        first=figure(first),
        last=figure(last),
        lanes=lanes,
        dots=tuple(labelled),
        lines=tuple(_line(join, dots, marks) for join in joins),
        left_out=len(drawing.marks) - len(marks),
    )


def _dot(mark: Mark, x: float, y: int) -> Dot:
    anchor = "start" if x < 10 else "end" if x > 90 else "middle"
    return Dot(x, y, mark.wrong, "", anchor, f"{mark.lane}, {figure(mark.at)}: {mark.label}")


def _with_labels(dots: Sequence[Dot], marks: Sequence[Mark], named: Sequence[int]) -> list[Dot]:
    """*dots*, of which those *named* have their labels as far as none lies on another."""
    made, ends = list(dots), dict[int, float]()
    for place in sorted(named, key=lambda place: dots[place].x):
        dot, label = dots[place], marks[place].label
        width = len(label) * _LETTER
        start = dot.x - {"start": 0.0, "middle": width / 2, "end": width}[dot.anchor]
        if start >= ends.get(dot.y, -width):
            made[place] = replace(dot, label=label)
            ends[dot.y] = start + width + _LETTER
    return made


def _line(join: Join, dots: Sequence[Dot], marks: Sequence[Mark]) -> Line:
    one, other = dots[join.one], dots[join.other]
    told = f"{marks[join.one].label} and {marks[join.other].label}: {join.label}"
    return Line(one.x, one.y, other.x, other.y, told)


def _percent(at: float, first: float, last: float) -> float:
    share = (at - first) / (last - first) if last > first else 0.5
    return round(_FIRST + share * (_LAST - _FIRST), 2)
