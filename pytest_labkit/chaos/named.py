"""The probes that a lab has beside the kit's: the name of each, and the key at `/health` that it reads."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pytest_labkit.systems import plan

VARIABLE = "LABKIT_PROBES"
"""Holds them, as JSON, in the environment of the `chaos` that the kit starts."""


@cache
def here() -> Mapping[str, str]:
    """Those that this process was given; without any, as by hand, those of all labs in the current folder."""
    given = os.environ.get(VARIABLE)
    if given is not None:
        found: dict[str, str] = json.loads(given)
        return found
    files = sorted(Path.cwd().glob(f"labs/*/{plan.FILE}"))
    return {name: key for file in files for name, key in plan.of(file).probes.items()}
