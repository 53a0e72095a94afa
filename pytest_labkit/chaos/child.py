"""
`chaos`, as the kit starts it: Ctrl-C reaches it, and it ends with whoever started it.

Run as a program, with the arguments of `chaos`.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def _end_with_the_input() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)  # what it put on ways, and its pressure, ends with it; the system with whoever is gone


if __name__ == "__main__":
    # A shell lets what it starts in the background ignore SIGINT, and so would all that this starts in turn.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    runpy.run_module("chaostoolkit", run_name="__main__", alter_sys=True)
