"""
What happens to a test from outside: its time ends, and what its student's processes did comes out.

Both count whatever the test itself caught or made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pytest_labkit.answers.door import Answers
from pytest_labkit.runs import limits


@contextmanager
def supervised(
    limit_s: float, door: Callable[[], Answers | None], show: Callable[[str], None]
) -> Iterator[None]:
    """
    Give a phase of a test *limit_s* seconds.

    Args:
        limit_s: Then it is ended, and is told where the student's threads were.
        door: The test's answers, when the phase has ended; `None` if it opened none.
        show: Given what the student's processes printed, where they printed anything.

    Raises:
        OutOfTime: It did not end in time.
        Tampered, AnswerDied: A student's process did that, even if the test passed.
    """
    try:
        with limits.time_limit(limit_s):
            yield
    except limits.OutOfTime as hang:
        if answers := door():
            hang.found(answers.stacks(hang))
        raise
    finally:
        if answers := door():
            if printed := answers.printed():
                show(printed)
            answers.raise_trouble()
