"""
A locustfile of the kit's, loaded beside the lab's.

At SIGUSR1 Locust counts anew; when its input ends, whoever started it is gone, and it ends too.
"""

import os
import signal
import sys
from typing import Any

import gevent
from gevent import select
from locust import events


def listen(environment: Any, **_: Any) -> None:
    """Have Locust forget what it has counted when it is told to, and not outlive who told it to begin."""
    gevent.signal_handler(signal.SIGUSR1, environment.stats.reset_all)
    gevent.spawn(_end_with_the_input)


def _end_with_the_input() -> None:
    select.select([sys.stdin], [], [])
    os._exit(1)  # nobody waits for its figures


events.init.add_listener(listen)  # type: ignore[no-untyped-call]
