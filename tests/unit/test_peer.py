"""What is taken from a queue that many threads take from."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterator

import pytest

from pytest_labkit.answers.rpc.peer import drained


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns a thousand times more often than they do otherwise."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_an_empty_queue_gives_nothing() -> None:
    """There may be nothing to take."""
    assert [] == drained(deque())


@pytest.mark.usefixtures("hasty")
def test_threads_that_drain_a_queue_share_what_is_in_it() -> None:
    """Each number is taken once, by one of eight threads, and none of them stumbles."""
    queue, numbers = deque[int](), range(20_000)
    taken: list[int] = []
    trouble: list[threading.ExceptHookArgs] = []
    full = threading.Event()

    def take() -> None:
        while queue or not full.is_set():
            taken.extend(drained(queue))

    before, threading.excepthook = threading.excepthook, trouble.append
    try:
        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for number in numbers:
            queue.append(number)
        full.set()
        for thread in threads:
            thread.join(30)
    finally:
        threading.excepthook = before
    assert [] == trouble
    assert list(numbers) == sorted(taken)
