"""A run as an SVG: partitions as lanes, records as marks by their offsets, violations as lines."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from html import escape

from pytest_labkit.simulator.choice import Choice
from pytest_labkit.simulator.ledger import Ledger
from pytest_labkit.simulator.marks import Mark, Place

DENSE = 2000
"""More records than that are drawn as density: so many at each place of a lane."""

_LEFT, _TOP, _LANE, _WIDTH = 90, 70, 44, 1100
_LINES = 60  # violations that are drawn

At = Callable[[Place], tuple[float, float]]


def drawn(ledger: Ledger, choice: Choice, label: str) -> str:
    """The picture."""
    with ledger.lock:
        marks, violations = ledger.marks[:], ledger.order.violations[:]
        shortest, counts = ledger.order.shortest, ledger.counts()
    height = _TOP + _LANE * choice.partitions + 50
    furthest = max((mark.offset for mark in marks), default=0)
    step = (_WIDTH - _LEFT - 20) / max(1, furthest + 1)

    def at(place: Place) -> tuple[float, float]:
        return _LEFT + (place.offset + 0.5) * step, _TOP + _LANE * (place.partition + 0.5)

    said = f"{counts['stored']} records, {counts['violations']} out of order, {counts['duplicates']} copies"
    title = f"{choice.strategy}, {choice.partitions} partitions, seed {choice.seed}, by {label}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        "<style>text{font:13px sans-serif;fill:#1c1e21}line.lane{stroke:#d8dade}"
        "line.wrong{stroke:#c0262d;stroke-width:1.5}rect.ground{fill:#fff}</style>",
        f'<title>{escape(title)}</title><rect class="ground" width="{_WIDTH}" height="{height}"/>',
        f'<text x="12" y="24">{escape(title)}</text><text x="12" y="44">{said}</text>',
        *_lanes(choice.partitions),
        *(_densities(marks, step) if len(marks) > DENSE else _marks(marks, at, step)),
    ]
    for violation in sorted(violations, key=lambda one: one.apart)[:_LINES]:
        (x1, y1), (x2, y2) = at(violation.behind.place), at(violation.mark.place)
        lines.append(f'<line class="wrong" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    if shortest is not None:
        lines.append(f'<text x="12" y="{height - 16}">{escape(str(shortest))}</text>')
    return "\n".join([*lines, "</svg>"])


def _lanes(partitions: int) -> Iterator[str]:
    for number in range(partitions):
        y = _TOP + _LANE * (number + 0.5)
        yield f'<text x="12" y="{y + 4}">partition {number}</text>'
        yield f'<line class="lane" x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{y}" y2="{y}"/>'


def _marks(marks: Iterable[Mark], at: At, step: float) -> Iterator[str]:
    size = min(12.0, max(2.0, step - 1))
    for mark in marks:
        x, y = at(mark.place)
        yield (
            f'<rect x="{x - size / 2:.1f}" y="{y - 8:.1f}" width="{size:.1f}" height="16" rx="2" '
            f'fill="{colour(mark.key)}"><title>{escape(mark.name)} at offset {mark.offset}</title></rect>'
        )


def _densities(marks: Iterable[Mark], step: float) -> Iterator[str]:
    columns: dict[tuple[int, int], int] = {}
    for mark in marks:
        place = mark.partition, int(mark.offset * step / 6)
        columns[place] = columns.get(place, 0) + 1
    most = max(columns.values(), default=1)
    for (partition, column), many in columns.items():
        tall = 34 * many / most
        y = _TOP + _LANE * (partition + 1) - 5 - tall
        yield (
            f'<rect x="{_LEFT + 6 * column}" y="{y:.1f}" width="5" height="{tall:.1f}" fill="#5d6570">'
            f"<title>{many} records</title></rect>"
        )


def colour(key: str | None) -> str:
    """The colour of a key."""
    if key is None:
        return "#888888"
    return f"hsl({zlib.crc32(key.encode()) % 360} 60% 45%)"
