"""
`chaos`, as the kit starts it: Ctrl-C reaches it, and it ends with whoever started it.

Run as a program, with the arguments of `chaos`.
"""

from __future__ import annotations

import runpy
import signal

from pytest_labkit.host import children

if __name__ == "__main__":
    # A shell lets what it starts in the background ignore SIGINT, and so would all that this starts in turn.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # What it put on ways, and its pressure, ends with it; the system with whoever is gone.
    children.end_with_parent()
    runpy.run_module("chaostoolkit", run_name="__main__", alter_sys=True)
