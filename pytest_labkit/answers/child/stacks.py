"""Where a student's threads were, from what Python's faulthandler wrote down."""

from __future__ import annotations

import re
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from traceback import walk_stack

from pytest_labkit.domain.model import Frame

Stack = tuple[Frame, ...]
_THREADS = 3
_LINE = re.compile(r'  File "(.+)", line (\d+) in (.+)')


def stacks(text: str, answers: Mapping[str, str]) -> list[Stack]:
    """
    The student's frames of each thread that has any, innermost first.

    Args:
        text: What faulthandler wrote: threads, each with its frames, innermost first.
        answers: The student's files: absolute path -> path relative to the lab.
    """
    threads = re.split(r"^(?:Current thread|Thread) .*$", text, flags=re.MULTILINE)
    found = [tuple(_frames(thread, answers)) for thread in threads]
    return [stack for stack in found if stack]


def _frames(text: str, answers: Mapping[str, str]) -> list[Frame]:
    lines = (match.groups() for match in map(_LINE.fullmatch, text.splitlines()) if match)
    return [Frame(answers[file], int(line), function) for file, line, function in lines if file in answers]


def stacks_here(answers: Mapping[str, str]) -> list[Stack]:
    """The same of the other threads of this process."""
    found = []
    for thread, frame in sys._current_frames().items():
        lines = [(f.f_code.co_filename, line, f.f_code.co_name) for f, line in walk_stack(frame)]
        if thread != threading.get_ident():
            found.append(
                tuple(Frame(answers[file], line, name) for file, line, name in lines if file in answers)
            )
    return [stack for stack in found if stack]


def told(found: list[Stack]) -> str:
    """
    The threads in a line: `calc.py:7 in double, from calc.py:3 in twice; calc.py:9 in wait (2 threads)`.

    Of each the innermost three frames, and of threads those three that most are at.
    """
    counted = Counter(
        ", from ".join(f"{frame} in {frame.function}" for frame in stack[:3]) for stack in found
    )
    more = len(counted) - _THREADS
    lines = [f"{where} ({n} threads)" if n > 1 else where for where, n in counted.most_common(_THREADS)]
    return "; ".join([*lines, f"and {more} more threads elsewhere"] if more > 0 else lines)
