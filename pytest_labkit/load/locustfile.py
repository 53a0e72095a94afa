"""A locustfile of the kit's, loaded beside the lab's: at SIGUSR1 Locust counts anew."""

import signal
from typing import Any

import gevent
from locust import events


def listen(environment: Any, **_: Any) -> None:
    """Have Locust forget what it has counted when it is told to."""
    gevent.signal_handler(signal.SIGUSR1, environment.stats.reset_all)


events.init.add_listener(listen)  # type: ignore[no-untyped-call]
