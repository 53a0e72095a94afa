"""
A counterexample drawn: a row for each operation, those of one client together, time to the right.

`text` draws it for a terminal; `picture` says where things stand in the SVG that the page shows. There
positions along the time are in percent and heights in pixels, so that it fits any width and its
letters keep their size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from pytest_labkit.domain.figures import figure
from pytest_labkit.domain.model import Step
from pytest_labkit.report import wording
from pytest_labkit.report.document import Criterion

MOST_ROWS = 7  # with the line of the times above them eight lines
_MOST_BARS = 20
_LONGEST_NAME = 18
_WIDTH = 80  # columns, where nobody says how many there are
_ENDS = {"ok": "┤", "failed": "✗", "unknown": "?"}
_STILL_RUNNING = "→"


def lanes(steps: Sequence[Step]) -> list[list[Step]]:
    """*steps* by client, the clients in the order in which they began."""
    found: dict[str, list[Step]] = {}
    for step in sorted(steps, key=lambda step: step.start_ms):
        found.setdefault(step.process, []).append(step)
    return list(found.values())


def length_ms(steps: Sequence[Step]) -> float:
    """From the first start to the last end that there was; never 0, so that it can be divided by."""
    ends = [step.start_ms if step.end_ms is None else step.end_ms for step in steps]
    return max(ends, default=0.0) or 1.0


def when(step: Step) -> str:
    """`0 to 4.1 ms`, or `from 4.1 ms on`."""
    start = figure(round(step.start_ms, 1))
    if step.end_ms is None:
        return f"from {start} ms on"
    return f"{start} to {figure(round(step.end_ms, 1))} ms"


# --- for a terminal ------------------------------------------------------------------------------------


def text(steps: Sequence[Step], width: int) -> list[str]:
    """
    The drawing in lines for about *width* columns, at most eight of them; longer lines are left to be cut.

        thread 1  0            5 ms
        thread 1  ├──────────┤       append(order-1, 0, [a])  ok
        thread 2    ├──────────✗     append(order-1, 0, [b])  failed: ConcurrencyError
    """
    if not steps:
        return []
    names = min(max(cell_len(step.process) for step in steps), _LONGEST_NAME)
    room = min(max(width // 4, 12), 24)
    length = length_ms(steps)
    rows = [
        f"{_name(step, first, names)}  {_bar(step, length, room)}  {step.call}  {step.said}"
        for lane in lanes(steps)
        for step, first in zip(lane, [True] + [False] * len(lane), strict=False)
    ]
    return [f"{'':{names}}  {_axis(length, room)}", *_few(rows)]


def texts(criterion: Criterion) -> list[tuple[str, str]]:
    """The labelled texts about a criterion, the drawing after what was got where there is one."""
    told, message = wording.told(criterion), criterion.message
    drawn = "\n".join(text(message.timeline, _WIDTH)) if message else ""
    after = next((n for n, (label, _) in enumerate(told, 1) if label == "got"), len(told))
    return [*told[:after], *([("timeline", drawn)] if drawn else []), *told[after:]]


def _few(rows: Sequence[str]) -> Iterator[str]:
    if len(rows) <= MOST_ROWS:
        yield from rows
    else:
        yield from rows[: MOST_ROWS - 1]
        yield f"… and {len(rows) - MOST_ROWS + 1} more"


def _name(step: Step, first: bool, width: int) -> str:
    """The client, at the first of its operations only."""
    name = step.process if first else ""
    return set_cell_size(name if cell_len(name) <= width else f"{set_cell_size(name, width - 1)}…", width)


def _axis(length: float, room: int) -> str:
    return f"0{f'{figure(round(length, 1))} ms':>{room - 1}}"


def _bar(step: Step, length: float, room: int) -> str:
    """`  ├────┤   `, as wide as *room*; its end shows the outcome."""
    start = _column(step.start_ms, length, room)
    end = room - 1 if step.end_ms is None else _column(step.end_ms, length, room)
    mark = _STILL_RUNNING if step.end_ms is None else _ENDS.get(step.outcome, "?")
    instant = "│" if mark == "┤" else mark
    drawn = instant if end == start else f"├{'─' * (end - start - 1)}{mark}"
    return f"{' ' * start}{drawn}".ljust(room)


def _column(ms: float, length: float, room: int) -> int:
    return round(_share(ms, length) * (room - 1))


def _share(ms: float, length: float) -> float:
    """From 0 to 1, also where a quotient is beyond all floats."""
    return min(max(ms / length, 0.0), 1.0)


# --- for the page --------------------------------------------------------------------------------------

_NAME_PX, _ROW_PX, _GAP_PX, _AXIS_PX = 20, 24, 6, 22
_NARROWEST = 1.0  # percent
_LABEL = 28.0  # percent that a label may need, on a phone


@dataclass(frozen=True)
class Bar:
    """A bar: *x*, *width* and *label_x* in percent, *y* in pixels; *shift* moves the label off the bar."""

    outcome: str
    running: bool
    x: float
    width: float
    y: int
    label: str
    label_x: float
    anchor: str
    shift: int


@dataclass(frozen=True)
class Picture:
    """All of the drawing; *names* are the clients, each with the height of its lane's top."""

    height: int
    end: str
    names: tuple[tuple[str, int], ...]
    bars: tuple[Bar, ...]
    steps: tuple[Step, ...]
    left_out: int


def picture(steps: Sequence[Step]) -> Picture | None:
    """The picture of *steps*, whose bars are numbered as `Picture.steps`; `None` where there are none."""
    if not steps:
        return None
    shown = sorted(steps, key=lambda step: step.start_ms)[:_MOST_BARS]
    length, y = length_ms(shown), _AXIS_PX
    names: list[tuple[str, int]] = []
    bars: list[Bar] = []
    ordered: list[Step] = []
    for lane in lanes(shown):
        names.append((lane[0].process, y))
        y += _NAME_PX
        for step in lane:
            ordered.append(step)
            bars.append(_placed(step, len(ordered), length, y))
            y += _ROW_PX
        y += _GAP_PX
    end = f"{figure(round(length, 1))} ms"
    return Picture(y, end, tuple(names), tuple(bars), tuple(ordered), len(steps) - len(shown))


def _placed(step: Step, number: int, length: float, y: int) -> Bar:
    running = step.end_ms is None
    x = min(_percent(step.start_ms, length), 100 - _NARROWEST)
    end = 100.0 if step.end_ms is None else _percent(step.end_ms, length)
    width = round(max(end - x, _NARROWEST), 2)
    label_x, anchor, shift = _beside(x, x + width)
    said = "running" if running else step.outcome
    return Bar(step.outcome, running, x, width, y, f"{number} {said}", label_x, anchor, shift)


def _percent(ms: float, length: float) -> float:
    return round(100 * _share(ms, length), 2)


def _beside(x: float, end: float) -> tuple[float, str, int]:
    """Where a label has room: right of its bar, else left of it, else in it, for then it is long."""
    if end <= 100 - _LABEL:
        return end, "start", 6
    if x >= _LABEL:
        return x, "end", -6
    return x, "start", 6
