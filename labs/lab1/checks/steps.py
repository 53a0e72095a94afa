"""
Don't change this file: a consumer's life in a process of its own, which can be held at any of its steps.

A step is the moment before your code calls Kafka's client (but to ask it for records), sends something over
a socket, which is how Redis is reached, or calls the handler that it was given; so each is also the moment
after the step before it. While it is held nothing else happens in that thread; then the process is killed,
or goes on as one that was long asleep.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer

ASKING = {"poll", "consume"}
SENDING = {"send", "sendall", "sendmsg"}
AGAIN_S = 0.05


class Life:
    """
    Counts steps from 1; *reached* is called with the name of the step numbered *at*, and returns when it
    may go on.
    """

    def __init__(self, at: int, reached: Callable[[str], None]) -> None:
        self._at, self._reached = at, reached
        self._count = 0
        self._is_running = False
        self._lock = threading.Lock()
        threading.setprofile(self._profile)

    def handling(self, handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """*handle*, with a step before it."""

        def handled(payment: Any) -> Any:
            self._step("handle")
            return handle(payment)

        return handled

    def run(
        self, consumer: Any, wait_s: float, limit: int, is_done: Callable[[], bool], longest_s: float
    ) -> list[str]:
        """
        Call `run_once` until *is_done*, or for *longest_s*; what was raised meanwhile by Kafka, a line each.

        It goes on after an error of Kafka's: a rebalance may be the reason.
        """
        errors: list[str] = []
        until = time.monotonic() + longest_s
        while time.monotonic() < until:
            try:
                taken = self._watched(lambda: consumer.run_once(wait_s, limit))
            except KafkaException as error:
                errors.append(str(error)[:200])
                time.sleep(AGAIN_S)
                taken = 0
            if not taken and is_done():
                break
        return errors

    def once(self, consumer: Any, wait_s: float, limit: int) -> int:
        """One `run_once`."""
        return int(self._watched(lambda: consumer.run_once(wait_s, limit)))

    @property
    def steps(self) -> int:
        """How many there have been."""
        return self._count

    def _watched(self, call: Callable[[], Any]) -> Any:
        self._is_running = True
        sys.setprofile(self._profile)
        try:
            return call()
        finally:
            sys.setprofile(None)
            self._is_running = False

    def _profile(self, frame: FrameType, event: str, arg: Any) -> None:
        if event != "c_call" or not self._is_running:
            return
        if frame.f_globals.get("__name__", "").startswith("pytest_labkit."):
            return  # what this process has to say to the test
        owner, name = getattr(arg, "__self__", None), arg.__name__
        is_kafka = isinstance(owner, Consumer | Producer) and name not in ASKING
        if is_kafka or (isinstance(owner, socket.socket) and name in SENDING and not _greets(frame)):
            self._step(name)

    def _step(self, name: str) -> None:
        with self._lock:
            self._count += 1
            is_it = self._count == self._at
        if is_it:
            self._reached(name)


def _greets(frame: FrameType | None) -> bool:
    """Whether a connection is being made, which changes nothing on the other side."""
    while frame is not None:
        if frame.f_code.co_name.startswith("on_connect"):
            return True
        frame = frame.f_back
    return False


def life(at: int, reached: Callable[[str], None]) -> Life:
    """A `Life` in this process: a class that both sides know would be made in the test's."""
    return Life(at, reached)


def pid() -> int:
    """The number of the process that your code runs in."""
    return os.getpid()
