"""In the door `direct` a student's module runs in pytest's own process: what it changes there is put back."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import RIGHT, TinyLab

CHANGES = {
    "stdout wrapped": 'import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")',
    "stderr wrapped": 'import io, sys\nsys.stderr = io.TextIOWrapper(sys.stderr.buffer, encoding="utf-8")',
    "wrapped twice": 'import io, sys\nfor _ in "12": sys.stdout = io.TextIOWrapper(sys.stdout.buffer)',
    "detached": "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.detach())",
    "codecs": 'import codecs, sys\nsys.stdout = codecs.getwriter("utf-8")(sys.stdout.buffer)',
    "closed": "import sys\nsys.stdout.close()\nsys.stderr.close()",
    "no stdout": "import sys\nsys.stdout = sys.stderr = sys.__stdout__ = None",
    "stdin": "import io, sys\nsys.stdin.close()\nsys.stdin = io.StringIO()",
    "path replaced": 'import sys\nsys.path[:] = ["."]',
    "path rebound": 'import sys\nsys.path = ["."]',
    "no finders": "import sys\nsys.meta_path.clear()",
    "recursion limit": "import sys\nsys.setrecursionlimit(150)",
    "another folder": "import os, tempfile\nos.chdir(tempfile.mkdtemp())",
    "no folder": "import os, tempfile\nhere = tempfile.mkdtemp()\nos.chdir(here)\nos.rmdir(here)",
    "environment": "import os\nos.environ.clear()",
    "hooks": "import sys, threading\nsys.excepthook = threading.excepthook = None",
    "signals": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)",
    "warnings": 'import warnings\nwarnings.simplefilter("error")',
    "logging": "import logging\nlogging.disable()\nlogging.basicConfig(force=True)",
    "locale": 'import locale\nlocale.setlocale(locale.LC_ALL, "C")',
    "socket": "import socket\nsocket.setdefaulttimeout(0.000001)",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_right_answer_passes_whatever_it_changes(lab: TinyLab, change: str) -> None:
    """Every criterion passes, the report is written, pytest ends in 0 and shows no traceback."""
    lab.write("calc.py", f"{change}\n{RIGHT}")
    result = lab.run("-m", "not timed")
    assert {"A1": "passed", "A2": "passed", "A3": "unknown"} == lab.verdicts
    assert 22 == result.ret
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("change", ["stdout wrapped", "path replaced", "recursion limit", "closed"])
def test_a_wrong_answer_fails_whatever_it_changes(lab: TinyLab, change: str) -> None:
    """The message is that of the check."""
    lab.write("calc.py", f"{CHANGES[change]}\n{RIGHT.replace('a + b', 'a - b')}")
    assert 1 == lab.run("-m", "not timed").ret
    assert "failed" == lab.verdicts["A1"]
    assert ("5", "-1") == (lab.message("A1")["expected"], lab.message("A1")["got"])


def test_what_is_printed_through_a_wrapper_is_shown(lab: TinyLab) -> None:
    """Also if the wrapper is the student's own."""
    lab.write(
        "calc.py", f"{CHANGES['stdout wrapped']}\nprint('grüße', flush=True)\n{RIGHT.replace('+', '-')}"
    )
    result = lab.run_apart("--tb=short", "--lab-criterion", "A1")
    result.stdout.fnmatch_lines(["*grüße"])


@pytest.mark.parametrize("capture", ["-s", "--capture=sys", "--capture=tee-sys"])
def test_streams_are_returned_however_they_are_captured(lab: TinyLab, capture: str) -> None:
    """What pytest says at the end is there."""
    lab.write("calc.py", f"{CHANGES['stdout wrapped']}\n{CHANGES['closed']}\n{RIGHT}")
    result = lab.run_apart(capture, "-m", "not timed")
    assert 22 == result.ret
    result.stdout.fnmatch_lines(["*A tiny lab*", "report: *"])


LEFT = {
    "thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(3600,)).start()",
    "timer": "import threading\nthreading.Timer(3600, print).start()",
    "executor": (
        "import concurrent.futures, time\nconcurrent.futures.ThreadPoolExecutor().submit(time.sleep, 3600)"
    ),
    "process": (
        "import multiprocessing, time\n"
        "multiprocessing.get_context('fork').Process(target=time.sleep, args=(3600,)).start()"
    ),
}


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT.keys())
def test_what_is_left_running_is_not_waited_for(lab: TinyLab, left: str) -> None:
    """The run ends with its report and exit code, and says what it did not wait for."""
    lab.write("calc.py", f"{left}\n{RIGHT}")
    result = lab.run_apart("--lab-criterion", "A1")
    assert 22 == result.ret
    assert "passed" == lab.verdicts["A1"]
    assert any("left running at the end" in note for note in lab.report["notes"])
