"""Waiting ends with the first probe that works, at the deadline, or with the death of the service."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_labkit.domain.errors import ServiceFailed
from pytest_labkit.services.wait import until


class Clock:
    """A clock that only its own sleep moves, and that counts how often a probe is made."""

    def __init__(self) -> None:
        self.now = 100.0
        self.probes = 0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def fails(self, times: int) -> Callable[[], None]:
        """A probe that fails so many times and then works."""

        def probe() -> None:
            self.probes += 1
            if self.probes <= times:
                raise ConnectionError("refused,\n  as it were")

        return probe


@pytest.fixture
def clock() -> Clock:
    """At 100 s."""
    return Clock()


def test_a_probe_that_works_at_once_takes_no_time(clock: Clock) -> None:
    """Nothing is slept away when the service is there."""
    waited_s = until(
        clock.fails(0), deadline_s=5, service="kafka", awaited="x", clock=lambda: clock.now, sleep=clock.sleep
    )
    assert 0.0 == waited_s


def test_the_seconds_until_the_first_probe_that_worked_are_returned(clock: Clock) -> None:
    """Three failures, half a second apart."""
    waited_s = until(
        clock.fails(3),
        deadline_s=5,
        service="kafka",
        awaited="x",
        every_s=0.5,
        clock=lambda: clock.now,
        sleep=clock.sleep,
    )
    assert 1.5 == waited_s
    assert 4 == clock.probes


def test_at_the_deadline_the_message_has_all_that_is_known(clock: Clock) -> None:
    """What was awaited and the last error, for how long, that it runs, the log's end and a hint."""
    with pytest.raises(ServiceFailed, match="a record produced and consumed") as caught:
        until(
            clock.fails(1000),
            deadline_s=5,
            service="kafka",
            awaited="a record produced and consumed",
            log_tail=lambda: ["one", "two"],
            hint="Run: labkit doctor.",
            every_s=0.5,
            clock=lambda: clock.now,
            sleep=clock.sleep,
        )
    assert (
        "kafka is not ready: waited 5.0 s for a record produced and consumed "
        "(at last: ConnectionError: refused, as it were); it is still running.\n"
        "the end of its log:\n"
        "  one\n"
        "  two\n"
        "Run: labkit doctor."
    ) == str(caught.value)


def test_a_service_that_has_died_is_not_waited_for(clock: Clock) -> None:
    """The first failed probe after its death is the last, and its exit status is told."""
    with pytest.raises(ServiceFailed, match=r"waited 0\.0 s for x .* it ended with exit status 3") as caught:
        until(
            clock.fails(1000),
            deadline_s=60,
            service="kafka",
            awaited="x",
            alive=lambda: False,
            exit_status=lambda: 3,
            clock=lambda: clock.now,
            sleep=clock.sleep,
        )
    assert 3 == caught.value.exit_status
    assert 1 == clock.probes


def test_only_the_last_twenty_lines_are_kept(clock: Clock) -> None:
    """A long log does not bury the message."""
    with pytest.raises(ServiceFailed, match="line 99") as caught:
        until(
            clock.fails(1),
            deadline_s=0,
            service="kafka",
            awaited="x",
            log_tail=lambda: [f"line {i}" for i in range(100)],
            clock=lambda: clock.now,
            sleep=clock.sleep,
        )
    assert tuple(f"line {i}" for i in range(80, 100)) == caught.value.log_tail


def test_an_interrupt_is_not_taken_for_a_failed_probe() -> None:
    """Ctrl-C goes through."""

    def interrupted() -> None:
        raise KeyboardInterrupt("now")

    with pytest.raises(KeyboardInterrupt, match="now"):
        until(interrupted, deadline_s=5, service="kafka", awaited="x")
