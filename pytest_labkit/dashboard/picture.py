"""What the page `/health` shows of a system: a picture of it as JSON, with a place for everything in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pytest_labkit.monitoring import Alert, Seen
from pytest_labkit.monitoring.watch import Program
from pytest_labkit.systems.plan import Gauge, Plan

NONE: dict[str, Any] = {
    "runs": False,
    "nodes": [],
    "links": [],
    "gauges": [],
    "alerts": [],
    "problem": None,
}
"""The picture of no system."""

_COLUMN, _ROW = 132, 100

Calls = Mapping[str, Iterable[str]]
"""What each program calls."""


def drawn(seen: Seen, plan: Plan, logs: Mapping[str, list[str]] | None = None) -> dict[str, Any]:
    """
    The picture of *seen*, of the programs of *plan*, which have logged *logs* at last.

    A node is a program or a service that programs call: `ok` is whether it works, `said` what is to be read
    beside it. Nobody asks a service itself: it is well if one of the programs reaches it.
    """
    rows = _rows(plan.calls)
    columns = max(map(len, rows))
    links = _links(seen, plan.calls)
    return {
        "runs": True,
        "at": seen.at,
        "width": _COLUMN * columns,
        "height": _ROW * len(rows),
        "nodes": [
            {"name": name, **place, **_health(name, seen, links, logs or {})}
            for name, place in _places(rows, columns)
        ],
        "links": links,
        "rate": plan.rate.title if plan.rate else None,
        "gauges": [_gauge(gauge, seen.gauges.get(gauge.title, {})) for gauge in plan.gauges],
        "alerts": list(map(_alert, seen.alerts)),
        "problem": seen.problem,
    }


def _links(seen: Seen, calls: Calls) -> list[dict[str, Any]]:
    reaches = {program.name: program.reaches for program in seen.programs}
    return [
        {"from": caller, "to": callee, "ok": reaches[caller].get(callee, False)}
        for caller, callees in calls.items()
        for callee in callees
    ]


def _places(rows: list[list[str]], columns: int) -> Iterator[tuple[str, dict[str, int]]]:
    """Where the middle of each node is, each row in the middle of the picture."""
    for row, names in enumerate(rows):
        for place, name in enumerate(names):
            x = round(_COLUMN * (place + 0.5 + (columns - len(names)) / 2))
            yield name, {"x": x, "y": _ROW * row + 50}


def _health(
    name: str, seen: Seen, links: list[dict[str, Any]], logs: Mapping[str, list[str]]
) -> dict[str, Any]:
    for program in seen.programs:
        if program.name == name:
            return _program(program, logs.get(name, []))
    reached = any(link["ok"] for link in links if link["to"] == name)
    return {"ok": reached, "well": reached, "said": "up" if reached else "not reached", "rate": None}


def _program(program: Program, log: list[str]) -> dict[str, Any]:
    lost = [other for other, reached in program.reaches.items() if not reached]
    said = "down" if not program.answers else f"without {', '.join(lost)}" if lost else "up"
    rate = round(program.rate, 1)
    return {"ok": program.answers, "well": program.works, "said": said, "rate": rate, "log": log}


def _gauge(gauge: Gauge, values: Mapping[str, str]) -> dict[str, Any]:
    shown = [
        {"name": name, "value": value, "look": _look(gauge, value)} for name, value in sorted(values.items())
    ]
    return {"title": gauge.title, "none": gauge.none, "values": shown}


def _look(gauge: Gauge, value: str) -> str:
    return "good" if value in gauge.good else "bad" if value in gauge.bad else "warn"


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "name": alert.name,
        "state": alert.state,
        "summary": alert.summary,
        "labels": alert.as_dict,
        "since": alert.since,
    }


def _rows(calls: Calls) -> list[list[str]]:
    """All that there is, in rows: whoever calls stands right above the highest that it calls."""
    height = dict.fromkeys([*calls, *(callee for callees in calls.values() for callee in callees)], 0)
    for _ in height:  # a circle ends here too
        for caller, callees in calls.items():
            highest = max((height[callee] for callee in callees), default=-1)
            height[caller] = min(highest + 1, len(height) - 1)
    return [[n for n in height if height[n] == row] for row in sorted({*height.values()}, reverse=True)]
