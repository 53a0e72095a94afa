"""
Where things stand in the pictures of a measurement.

A strip plot has a dot for each round on one line, the median, the target and the side of it that is
enough, the reference. A histogram has a bar for each span that samples fall into, and percentiles.

Positions are in the units of an SVG `viewBox` of `WIDTH` by `HEIGHT`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_labkit.checks.measure import percentile
from pytest_labkit.domain.figures import figure
from pytest_labkit.domain.model import Measurement

WIDTH, HEIGHT = 320, 72
_MARGIN = 12.0
_BARS = 40
_HISTOGRAM_TOP, _HISTOGRAM_HEIGHT = 32, 64
HISTOGRAM_HEIGHT = _HISTOGRAM_TOP + _HISTOGRAM_HEIGHT + 18


@dataclass(frozen=True)
class Mark:
    """A labelled place on the line; the label is anchored so that it stays inside the picture."""

    x: float
    label: str
    anchor: str


@dataclass(frozen=True)
class Strip:
    """All of the plot; *enough* is the span (x, width) in which the target is met."""

    rounds: tuple[float, ...]
    median: float
    target: Mark | None
    enough: tuple[float, float] | None
    reference: Mark | None


def strip(measurement: Measurement) -> Strip | None:
    """The plot of *measurement*; `None` where there is nothing to compare its figure with."""
    rounds = [value for value in measurement.rounds if not math.isnan(value)]
    limit = _limit(measurement.target)
    value, reference = measurement.value, measurement.reference
    shown = [figure for figure in (*rounds, value, limit, reference) if figure is not None]
    if math.isnan(value) or len(shown) < 2 or not _spread(shown):
        return None
    low, span = min(shown), max(shown) - min(shown)

    def x(figure: float) -> float:
        return round(_MARGIN + (WIDTH - 2 * _MARGIN) * ((figure - low) / span), 1)

    return Strip(
        rounds=tuple(x(value) for value in rounds),
        median=x(value),
        target=None if limit is None else _mark(x(limit), f"target {measurement.target}"),
        enough=None if limit is None else _enough(x(limit), measurement.target or ""),
        reference=None if reference is None else _mark(x(reference), f"reference {figure(reference)}"),
    )


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram, and what it says."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class Histogram:
    """All of the picture: bars over equal spans from the smallest sample to the largest; p50 and p95."""

    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    low: str
    high: str
    told: str


def histogram(measurement: Measurement) -> Histogram | None:
    """The picture of the samples of *measurement*; `None` where there are fewer than two that differ."""
    samples = [value for value in measurement.samples if not math.isnan(value)]
    if len(samples) < 2 or not _spread(samples):
        return None
    low, span, unit = min(samples), max(samples) - min(samples), measurement.unit
    counts = [0] * _BARS
    for value in samples:
        counts[min(_BARS - 1, int(_BARS * ((value - low) / span)))] += 1
    marks = {name: percentile(samples, share) for name, share in (("p50", 0.5), ("p95", 0.95))}
    said = [f"{name} {figure(value)} {unit}" for name, value in marks.items()]
    return Histogram(
        bars=tuple(_bar(number, counts, low, span, unit) for number in range(_BARS) if counts[number]),
        marks=tuple(
            _mark(round(WIDTH * (value - low) / span, 1), text)
            for value, text in zip(marks.values(), said, strict=True)
        ),
        low=f"{figure(low)} {unit}",
        high=f"{figure(max(samples))} {unit}",
        told=f"{len(samples)} values from {figure(low)} to {figure(max(samples))} {unit}, "
        + f"{', '.join(said)}; heights are the roots of counts",
    )


def _bar(number: int, counts: Sequence[int], low: float, span: float, unit: str) -> Bar:
    start, end = low + span * number / _BARS, low + span * (number + 1) / _BARS
    # By the root: a few late ones are what one looks for, and would be invisible beside hundreds.
    height = round(_HISTOGRAM_HEIGHT * (counts[number] / max(counts)) ** 0.5, 1)
    return Bar(
        x=round(WIDTH * number / _BARS, 1),
        y=round(_HISTOGRAM_TOP + _HISTOGRAM_HEIGHT - height, 1),
        width=round(WIDTH / _BARS - 1, 1),
        height=height,
        label=f"{figure(start)} to {figure(end)} {unit}: {counts[number]}",
    )


def _spread(figures: Sequence[float]) -> bool:
    """Whether they can be told apart, and a float can hold how far they lie apart."""
    span = max(figures) - min(figures)
    return 0 < span < float("inf")


def _limit(target: str | None) -> float | None:
    number = re.fullmatch(r"[<>]=? (-?[\d.]+(?:e[+-]?\d+)?)", target or "")
    try:
        return float(number[1]) if number and abs(float(number[1])) != float("inf") else None
    except ValueError:
        return None


def _enough(x: float, target: str) -> tuple[float, float]:
    return (x, round(WIDTH - x, 1)) if target.startswith(">") else (0.0, x)


def _mark(x: float, label: str) -> Mark:
    anchor = "start" if x < WIDTH / 3 else "end" if x > WIDTH * 2 / 3 else "middle"
    return Mark(x, label, anchor)
