"""What the page `/health` shows of a system: a picture of it as JSON, with a place for everything in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytest_labkit.monitoring import Seen

NONE: dict[str, Any] = {
    "runs": False,
    "nodes": [],
    "links": [],
    "breakers": [],
    "alerts": [],
    "problem": None,
}
"""The picture of no system."""

_COLUMN, _ROW = 132, 100


def drawn(
    seen: Seen, calls: Mapping[str, Iterable[str]], logs: Mapping[str, list[str]] | None = None
) -> dict[str, Any]:
    """
    The picture of *seen*, whose programs call what *calls* says, and have logged *logs* at last.

    A node is a program or a service that programs call: `ok` is whether it works, `said` what is to be read
    beside it. Nobody asks a service itself: it is well if one of the programs reaches it.
    """
    rows = _rows(calls)
    programs = {program.name: program for program in seen.programs}
    links = [
        {"from": caller, "to": callee, "ok": programs[caller].reaches.get(callee, False)}
        for caller, callees in calls.items()
        for callee in callees
    ]
    nodes: list[dict[str, Any]] = []
    for row, names in enumerate(rows):
        for place, name in enumerate(names):
            told: dict[str, Any]
            if (program := programs.get(name)) is not None:
                lost = [other for other, reached in program.reaches.items() if not reached]
                said = "down" if not program.answers else f"without {', '.join(lost)}" if lost else "up"
                told = {
                    "ok": program.answers,
                    "well": program.works,
                    "rate": round(program.rate, 1),
                    "log": (logs or {}).get(name, []),
                }
            else:
                ok = any(link["ok"] for link in links if link["to"] == name)
                said, told = "up" if ok else "not reached", {"ok": ok, "well": ok, "rate": None}
            x = round(_COLUMN * (place + 0.5 + (max(map(len, rows)) - len(names)) / 2))
            nodes.append({"name": name, "x": x, "y": _ROW * row + 50, "said": said, **told})
    return {
        "runs": True,
        "at": seen.at,
        "width": _COLUMN * max(map(len, rows)),
        "height": _ROW * len(rows),
        "nodes": nodes,
        "links": links,
        "breakers": [{"name": name, "state": state} for name, state in sorted(seen.breakers.items())],
        "alerts": [
            {"name": a.name, "state": a.state, "summary": a.summary, "labels": a.as_dict, "since": a.since}
            for a in seen.alerts
        ],
        "problem": seen.problem,
    }


def _rows(calls: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """All that there is, in rows: whoever calls stands right above the highest that it calls."""
    height = dict.fromkeys([*calls, *(callee for callees in calls.values() for callee in callees)], 0)
    for _ in height:  # a circle ends here too
        for caller, callees in calls.items():
            highest = max((height[callee] for callee in callees), default=-1)
            height[caller] = min(highest + 1, len(height) - 1)
    return [[n for n in height if height[n] == row] for row in sorted({*height.values()}, reverse=True)]
