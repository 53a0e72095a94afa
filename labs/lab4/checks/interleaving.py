"""
Don't change this file: holds threads up inside your code, as a busy machine would.

Between any two instructions of Python another thread may run. On a quiet machine that is rare; here it
happens at random places of `circuit_breaker.py` and `monitoring.py`, so that what can go wrong does so in a
check and not in a year. Threads that are started meanwhile are held up; under a debugger none are.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from types import FrameType
from typing import Any

MODULES = ("labs.lab4.circuit_breaker", "labs.lab4.monitoring")
SHARE = 0.1  # of all instructions
LONGEST_S = 0.0005


def begin(seed: int) -> None:
    """From now on new threads are held up."""
    chance = random.Random(seed)

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_globals.get("__name__") not in MODULES:
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        if event == "opcode" and chance.random() < SHARE:
            time.sleep(chance.random() * LONGEST_S)
        return trace

    if sys.gettrace() is None:
        threading.settrace(trace)


def end() -> None:
    """From now on new threads run freely."""
    if sys.gettrace() is None:
        threading.settrace(None)
