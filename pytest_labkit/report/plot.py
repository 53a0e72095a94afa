"""
Where things stand in the strip plot of a measurement: a dot for each round on one line, the median,
the target and the side of it that is enough, the reference.

Positions are in the units of an SVG `viewBox` of `WIDTH` by `HEIGHT`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_labkit.report.document import Measurement
from pytest_labkit.report.wording import figure

WIDTH, HEIGHT = 320, 72
_MARGIN = 12.0


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
    rounds = [value for value in measurement["rounds"] if value is not None]
    limit = _limit(measurement["target"])
    value, reference = measurement["value"], measurement["reference"]
    shown = [figure for figure in (*rounds, value, limit, reference) if figure is not None]
    if value is None or len(shown) < 2 or not _spread(shown):
        return None
    low, span = min(shown), max(shown) - min(shown)

    def x(figure: float) -> float:
        return round(_MARGIN + (WIDTH - 2 * _MARGIN) * ((figure - low) / span), 1)

    return Strip(
        rounds=tuple(x(value) for value in rounds),
        median=x(value),
        target=None if limit is None else _mark(x(limit), f"target {measurement['target']}"),
        enough=None if limit is None else _enough(x(limit), measurement["target"] or ""),
        reference=None if reference is None else _mark(x(reference), f"reference {figure(reference)}"),
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
