"""A run as the JSON that the page exports: with it the run can be played again, and looked at without it."""

from __future__ import annotations

from typing import Any

from pytest_labkit.simulator.ledger import places
from pytest_labkit.simulator.run import Run
from pytest_labkit.simulator.runfile import FORMAT


def document(run: Run, label: str) -> dict[str, Any]:
    """*run*, played by whom *label* says: its choice, what was done, and all that was seen."""
    ledger = run.ledger
    with ledger.lock:
        return {
            "format": FORMAT,
            "played_by": label,
            "began": ledger.began,
            "choice": run.choice.model_dump(),
            "replay": run.replay,
            "actions": [list(action) for action in run.actions],
            "figures": run.figures(),
            "latency_ms": ledger.latency(),
            "lost": {mode: places(lost) for mode, lost in ledger.lost.items()},
            "marks": [ledger.shown(mark) for mark in ledger.marks],
            "violations": [[*v.mark.place, *v.behind.place, v.apart] for v in ledger.order.violations],
            "effects": ledger.effects,
            "samples": ledger.samples,
            "log": [[said.at, said.kind, said.text] for said in ledger.said],
        }
