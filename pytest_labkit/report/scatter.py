"""
Two figures of several things against each other: for each its median, its spread and its rounds.

Both axes are logarithmic where all values are positive: what things cost lies orders of magnitude apart.
Positions are in the units of an SVG `viewBox` of `WIDTH` by `HEIGHT`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from pytest_labkit.domain.model import Cloud, Scatter
from pytest_labkit.report.wording import figure

WIDTH, HEIGHT = 520, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 500.0, 26.0, 280.0
_BESIDE = 0.6  # of the width: labels of what lies further right stand to the left
_LABEL = 13.0  # the least distance between two labels


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Drawn:
    """One thing: its median, the spans of its rounds, the rounds, and what is said of it."""

    name: str
    x: float
    y: float
    x_span: tuple[float, float]
    y_span: tuple[float, float]
    rounds: tuple[tuple[float, float], ...]
    label_y: float
    shift: int
    anchor: str
    x_said: str
    y_said: str
    told: str


@dataclass(frozen=True)
class Plot:
    """All of the drawing."""

    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    clouds: tuple[Drawn, ...]


class _Scale:
    """Where values lie between *begin* and *end*."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        self._is_log = min(values) > 0
        low, high = self._place(min(values)), self._place(max(values))
        room = (high - low) * 0.08 or 0.5
        self._low, self._high = low - room, high + room
        self._begin, self._end = begin, end

    def at(self, value: float) -> float:
        share = (self._place(value) - self._low) / (self._high - self._low)
        return round(self._begin + share * (self._end - self._begin), 1)

    def ticks(self) -> tuple[Tick, ...]:
        """Four or so, at values that can be said in a word."""
        places = [self._low + (self._high - self._low) * share for share in (0.06, 0.36, 0.66, 0.96)]
        values = [_plain(10**place if self._is_log else place) for place in places]
        return tuple(
            Tick(self.at(value), figure(value)) for value in dict.fromkeys(values) if self._knows(value)
        )

    def _knows(self, value: float) -> bool:
        return value > 0 or not self._is_log

    def _place(self, value: float) -> float:
        return math.log10(value) if self._is_log else value


def plot(scatter: Scatter) -> Plot | None:
    """The drawing of *scatter*; `None` where there is nothing that can be drawn."""
    clouds = [cloud for cloud in scatter.clouds if _points(cloud)]
    if not clouds:
        return None
    x = _Scale([at for cloud in clouds for at, _ in _points(cloud)], _LEFT, _RIGHT)
    y = _Scale([at for cloud in clouds for _, at in _points(cloud)], _BOTTOM, _TOP)
    drawn: list[Drawn] = []
    for cloud in clouds:
        drawn.append(_drawn(cloud, scatter, x, y, [other.label_y for other in drawn]))
    return Plot(_LEFT, _RIGHT, _TOP, _BOTTOM, x.ticks(), y.ticks(), tuple(drawn))


def _points(cloud: Cloud) -> list[tuple[float, float]]:
    pairs = zip(cloud.x, cloud.y, strict=False)
    return [(x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y)]


def _drawn(cloud: Cloud, scatter: Scatter, x: _Scale, y: _Scale, taken: Sequence[float]) -> Drawn:
    points = _points(cloud)
    xs, ys = [at for at, _ in points], [at for _, at in points]
    at = x.at(median(xs))
    is_right = at > _LEFT + _BESIDE * (_RIGHT - _LEFT)
    label_y = y.at(median(ys)) - 8
    while any(abs(label_y - other) < _LABEL for other in taken):
        label_y += _LABEL
    said = _said(xs), _said(ys)
    return Drawn(
        name=cloud.name,
        x=at,
        y=y.at(median(ys)),
        x_span=(x.at(min(xs)), x.at(max(xs))),
        y_span=(y.at(min(ys)), y.at(max(ys))),
        rounds=tuple((x.at(one), y.at(other)) for one, other in points),
        label_y=round(label_y, 1),
        shift=-8 if is_right else 8,
        anchor="end" if is_right else "start",
        x_said=said[0],
        y_said=said[1],
        told=f"{cloud.name}: {scatter.x.name} {said[0]} {scatter.x.unit}, "
        f"{scatter.y.name} {said[1]} {scatter.y.unit}",
    )


def _said(values: Sequence[float]) -> str:
    """`120 (100 to 150)`: the median, and from the least to the most."""
    return f"{figure(median(values))} ({figure(min(values))} to {figure(max(values))})"


def _plain(value: float) -> float:
    """*value* with one digit that counts, or two."""
    if value == 0:
        return 0.0
    digits = 1 - math.floor(math.log10(abs(value)))
    return round(value, digits)
