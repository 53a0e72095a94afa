"""Durations as Prometheus writes them."""

from __future__ import annotations

import re

_DURATION = re.compile(
    r"(?:([0-9]+)y)?(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?"
)
_SECONDS = (31_536_000.0, 604_800.0, 86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_LONGEST_S = (2**63 - 1) / 1e9


def seconds(text: str) -> float:
    """A duration as Prometheus writes it, `1m30s`, in seconds. Raises `ValueError` if it is none."""
    match = _DURATION.fullmatch(text)
    if not text or (match is None and text != "0"):
        raise ValueError(f"{text!r} is no duration such as 30s or 1m")
    given = match.groups() if match else ()
    found = sum(int(n) * size for n, size in zip(given, _SECONDS, strict=False) if n)
    if found > _LONGEST_S:
        raise ValueError(f"{text!r} is longer than 292 years")
    return found
