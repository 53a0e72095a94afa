"""A clock that is stopped is stopped in the test and in every process of the answers, and nowhere else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from pytest_labkit.answers.door import Answers
from pytest_labkit.runs.limits import OutOfTime, time_limit
from tests.door.conftest import DOORS, LittleLab

AT = datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC)
TEXT = """
import datetime as module, threading, time
from datetime import UTC, datetime
from time import monotonic

def now(): return datetime.now(UTC)
def today(): return module.date.today()
def clocks(): return [time.time(), monotonic(), time.perf_counter()]
def in_a_thread():
    got = []
    thread = threading.Thread(target=lambda: got.append(datetime.now(UTC)))
    thread.start()
    thread.join()
    return got[0]
def rest(): time.sleep(0.02); return threading.Event().wait(0.02)
def forever(): time.sleep(60)
class Breaker:
    def __init__(self): self.opened = monotonic()
    def is_due(self): return monotonic() - self.opened >= 60
"""


@pytest.fixture(params=DOORS)
def answers(request: pytest.FixtureRequest, lab: LittleLab) -> Iterator[Answers]:
    """The clocks of a student's code, behind either door."""
    return lab.open(TEXT, request.param)


def test_a_frozen_clock_stands_still_everywhere(answers: Answers) -> None:
    """Dates and times are those of the frozen clock, in the test as in the student's code and its threads."""
    work = answers.work
    with answers.frozen(AT):
        assert AT == work.now() == work.in_a_thread() == datetime.now(UTC)
        assert AT.date() == work.today()
        assert AT.timestamp() == work.clocks()[0] == time.time()
        assert work.clocks() == work.clocks()
    assert abs(work.clocks()[0] - time.time()) < 60
    assert (datetime.now(UTC) - AT).days > 1


def test_a_frozen_clock_moves_when_told(answers: Answers) -> None:
    """`tick` and `move_to` move the clock, forth and back, the monotonic one too."""
    with answers.frozen(AT) as clock:
        breaker = answers.work.Breaker()
        clock.tick(59.9)
        assert breaker.is_due() is False
        clock.tick(0.1)
        assert breaker.is_due() is True
        clock.move_to(datetime(2020, 1, 1, tzinfo=UTC))
        assert datetime(2020, 1, 1, tzinfo=UTC) == answers.work.now() == clock.now
        assert breaker.is_due() is False


def test_processes_started_meanwhile_are_frozen(answers: Answers) -> None:
    """A process that is started while the clock is frozen has the frozen clock, and gets its time back."""
    with answers.frozen(AT) as clock:
        clock.tick(5)
        other = answers.another_process()
        assert clock.now == other.work.now()
        clock.tick(5)
        assert clock.now == other.work.now() == answers.work.now()
    assert (other.work.now() - AT).days > 1


def test_a_naive_instant_is_in_utc(answers: Answers) -> None:
    """An instant without a zone is taken for one in UTC."""
    with answers.frozen(AT.replace(tzinfo=None)):
        assert AT == answers.work.now()


def test_waiting_takes_its_real_time(answers: Answers) -> None:
    """Sleeping and waiting on locks go on as they do, and end."""
    with answers.frozen(AT):
        assert answers.work.rest() is False


def test_the_kits_own_time_goes_on(answers: Answers) -> None:
    """A time limit ends what hangs while the clock is frozen, and the process can be ended."""
    with pytest.raises(OutOfTime, match=r"did not end within 0.5 s"), time_limit(0.5), answers.frozen(AT):
        answers.work.forever()
    answers.close()
    assert (datetime.now(UTC) - AT).days > 1


def test_many_threads_under_a_frozen_clock(answers: Answers) -> None:
    """Threads that call at once see the frozen clock, however little lies between them and the call."""
    with answers.frozen(AT):
        now, seen = answers.work.now, []
        threads = [threading.Thread(target=lambda: seen.append(now())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert [AT] * 8 == seen
