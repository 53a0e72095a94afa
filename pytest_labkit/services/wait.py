"""
Waiting, with a deadline, until a service has proved that it works.

Knows no service: it is given a probe that raises until the service works, and ways to look at it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pytest_labkit.domain.errors import ServiceFailed


def until(
    probe: Callable[[], object],
    *,
    deadline_s: float,
    service: str,
    awaited: str,
    alive: Callable[[], bool] = lambda: True,
    log_tail: Callable[[], Sequence[str]] = list,
    hint: str | None = None,
    exit_status: Callable[[], int | None] = lambda: None,
    every_s: float = 0.03,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> float:
    """
    Call *probe* again and again until it returns; the seconds that took.

    Args:
        probe: A round trip; raises any `Exception` while the service does not work yet.
        deadline_s: Seconds after which a failed probe is the last one; a probe is never cut short.
        service: The service's name, for the message.
        awaited: What *probe* does, in words: `"a record produced and consumed"`.
        alive: False once the service's process or container is gone: then waiting ends at once.
        log_tail: The last lines of its log.
        hint: What to do when it fails.
        exit_status: The exit status of its process, `None` while it runs or if nobody knows.
        every_s: Seconds between two probes.
        clock: Seconds, never going back.
        sleep: Waits so many seconds.

    Raises:
        ServiceFailed: It died, or *deadline_s* passed. The last error of *probe* is in the message.
    """
    start = clock()
    while True:
        problem = _attempt(probe)
        if problem is None:
            return clock() - start
        waited_s = clock() - start
        if waited_s >= deadline_s or not alive():
            raise ServiceFailed(
                service,
                awaited=f"{awaited} (at last: {problem})",
                waited_s=waited_s,
                exit_status=exit_status(),
                log_tail=log_tail(),
                hint=hint,
            )
        sleep(every_s)


def _attempt(probe: Callable[[], object]) -> str | None:
    """`None` if *probe* worked, else what it raised, on one line."""
    try:
        probe()
    except Exception as error:
        text = " ".join(str(error).split())
        return f"{type(error).__name__}: {text}"[:200] if text else type(error).__name__
    return None
