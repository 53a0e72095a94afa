"""
Orders to a process that carries faults, and its answers: JSON, a line each.

An order is `{"number": 7, "do": "open", …}`, its answer `{"number": 7, "value": …}` or
`{"number": 7, "error": "…"}`. One process takes them on standard input (`control`), another over TCP
(`daemon`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import threading
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, BinaryIO, Protocol

from pytest_labkit.domain.errors import KitError

_ANSWER_S = 10.0  # an order takes milliseconds; more than this, and something is badly wrong


class Orders(Protocol):
    """Whatever passes orders on to a process that carries faults."""

    def order(self, do: str, **given: Any) -> Any:
        """Have *do* done; what is answered. Raises `KitError` if nothing is, or it could not be done."""
        ...


class Gone(KitError):
    """The process that was given orders is not there any more."""


class Client:
    """
    The end that gives orders, one at a time; one that was interrupted leaves it usable.

    Args:
        name: The other end, as messages call it.
        answers: Where its answers come from; read by a thread until they end.
        send: Sends a line to it.
        gone: What is raised when its answers have ended.
    """

    def __init__(self, name: str, answers: BinaryIO, send: Callable[[bytes], object], gone: Gone) -> None:
        self._name = name
        self._send = send
        self._gone = gone
        self._numbers = count()
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(answers,), name="labkit-answers", daemon=True).start()

    def order(self, do: str, **given: Any) -> Any:
        """
        Have *do* done; what is answered.

        Raises:
            Gone: Nobody is there to do it.
            KitError: Nothing is answered in time, or it could not be done.
        """
        number = next(self._numbers)
        with contextlib.suppress(OSError):  # its answers have ended as well
            self._send(json.dumps({"number": number, "do": do, **given}).encode() + b"\n")
        answer = self._answer_to(number)
        if "error" in answer:
            raise KitError(f"{self._name} could not {do}: {answer['error']}")
        return answer["value"]

    def _answer_to(self, number: int) -> dict[str, Any]:
        while True:
            try:
                line = self._lines.get(timeout=_ANSWER_S)
            except queue.Empty:
                raise KitError(f"{self._name} gave no answer in {_ANSWER_S:g} s.") from None
            if not line:
                self._lines.put(b"")
                raise self._gone
            answer: dict[str, Any] = json.loads(line)
            if answer["number"] == number:  # not that of an order that was interrupted
                return answer

    def _listen(self, answers: BinaryIO) -> None:
        """Take what is answered as it comes: an order that is interrupted leaves half of nothing."""
        with contextlib.suppress(OSError), answers:
            for line in answers:
                self._lines.put(line)
        self._lines.put(b"")


async def obey(
    orders: asyncio.StreamReader, send: Callable[[bytes], object], do: Callable[[Mapping[str, Any]], Any]
) -> None:
    """Have *do* carry out the *orders* until they end, and *send* what it returns or raises."""
    while line := await orders.readline():
        order = json.loads(line)
        answer = {"number": order.pop("number")}
        try:
            told = json.dumps(answer | {"value": do(order)})
        except Exception as error:
            told = json.dumps(answer | {"error": f"{type(error).__name__}: {error}"})
        send(told.encode() + b"\n")
