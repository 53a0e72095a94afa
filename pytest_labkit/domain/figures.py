"""Figures as people write them."""

from __future__ import annotations

import math


def figure(value: float) -> str:
    """A number as people write it: `18,412`, `39.2`, `0.0123`; `no figure` where there is none."""
    if math.isnan(value):
        return "no figure"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.3g}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"
