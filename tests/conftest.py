"""
What all tests of the kit share: none of them is part of a run of pytest-xdist, even if it is in one.

The kit shares services among the workers of a run. These tests start runs of their own, which must not
take themselves for workers of the run that they are tested in. Nor do they inherit that Ctrl-C is
ignored, as a shell has it for what it starts in the background: some of them press it.
"""

from __future__ import annotations

import os
import signal

IN_A_WORKER = "PYTEST_XDIST_WORKER" in os.environ
"""Whether this process is a worker of pytest-xdist, with a share of the tests."""

for _name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
    os.environ.pop(_name, None)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
