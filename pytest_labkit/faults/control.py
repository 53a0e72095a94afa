"""
The relay's own process: lines to servers, and faults on them, as its parent tells it on standard input.

Run as a program it reads a JSON object a line, does it, and answers with a line. It ends with its parent:
when standard input does, or when the parent is gone.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from pytest_labkit.faults.kafka.protocol import APIS, KafkaTranslator, Produced
from pytest_labkit.faults.tcp.faults import KINDS, LoseReply, WireFault
from pytest_labkit.faults.tcp.proxy import Line

_PARENT_S = 1.0  # how often it is looked for
_PRODUCED = 10_000  # requests that are remembered; older ones are forgotten


class Group:
    """
    The lines that lead to the servers of one service, by *key*: a broker's id, or any name.

    A fault lies on one of them or on all, those included that are opened while it lasts.
    """

    def __init__(self, *, kafka: bool) -> None:
        self.lines: dict[str, Line] = {}
        self.produced: list[Produced] = []
        self._faults: list[tuple[WireFault, str | None]] = []
        self._kafka = kafka

    def open(self, target: tuple[str, int], key: str, at: int = 0) -> int:
        """The port of a new line to *target*: *at*, or with 0 any that is free."""
        line = Line(target, [], self._translator if self._kafka else None, at)
        line.faults += [fault for fault, where in self._faults if where in (None, key)]
        self.lines[key] = line
        line.listen()
        for fault in line.faults:
            fault.begin([line])
        return line.port

    def begin(self, fault: WireFault, where: str | None) -> None:
        """Put *fault* on the line *where*, or on all."""
        self._faults.append((fault, where))
        lines = self._at(where)
        for line in lines:
            line.faults.append(fault)
        fault.begin(lines)

    def end(self, fault: WireFault, where: str | None) -> None:
        """Lift *fault*."""
        self._faults.remove((fault, where))
        lines = self._at(where)
        for line in lines:
            line.faults.remove(fault)
        fault.end(lines)
        for line in lines:
            line.judge_again()

    def close(self) -> list[str]:
        """Close all lines; what was wrong with what they carried."""
        for line in self.lines.values():
            line.close()
        return [problem for line in self.lines.values() for problem in line.problems]

    def _at(self, where: str | None) -> list[Line]:
        return list(self.lines.values()) if where is None else [self.lines[where]]

    def _translator(self, line: Line) -> KafkaTranslator:
        return KafkaTranslator(self._elsewhere, partial(_loses, line), self._note)

    def _elsewhere(self, address: tuple[str, int]) -> tuple[str, int]:
        """The line to the broker at *address*; a broker that was not known before gets one."""
        for line in self.lines.values():
            if line.target == address:
                return "127.0.0.1", line.port
        return "127.0.0.1", self.open(address, f"{address[0]}:{address[1]}")

    def _note(self, produced: Produced) -> None:
        self.produced.append(produced)
        del self.produced[:-_PRODUCED]


def _loses(line: Line, api: int) -> bool:
    lost = [fault for fault in line.faults if isinstance(fault, LoseReply)]
    return any(APIS[fault.api] == api and fault.takes() for fault in lost)


class Exchange:
    """
    All groups, and what can be asked of them.

    Several may have the same *groups*: each knows the faults that it has begun itself.
    """

    def __init__(self, groups: dict[str, Group] | None = None) -> None:
        self._groups = {} if groups is None else groups
        self._faults: dict[int, tuple[WireFault, str, str | None]] = {}

    def do(self, order: dict[str, Any]) -> Any:
        """Carry out an order: the method of its name, with its other members."""
        orders: dict[str, Callable[..., Any]] = {
            "open": self.open,
            "close": self.close,
            "begin": self.begin,
            "end": self.end,
            "fired": self.fired,
            "produced": self.produced,
        }
        return orders[order.pop("do")](**order)

    def open(self, group: str, key: str, host: str, port: int, kafka: bool, at: int = 0) -> int:
        """A line to *host* and *port*; its own port, which is *at* if that is not 0."""
        return self._groups.setdefault(group, Group(kafka=kafka)).open((host, port), key, at)

    def close(self, group: str) -> list[str]:
        """Close the lines of *group*; what was wrong with what they carried."""
        return self._groups.pop(group).close()

    def begin(self, fault: int, kind: str, group: str, key: str | None, given: dict[str, Any]) -> None:
        """Begin a fault, from now on known by the number *fault*."""
        made = KINDS[kind](**given)
        self._groups[group].begin(made, key)
        self._faults[fault] = (made, group, key)

    def end(self, fault: int) -> int:
        """Lift a fault; how often it did something."""
        if fault not in self._faults:
            return 0  # its beginning was interrupted
        made, group, key = self._faults.pop(fault)
        if group in self._groups:
            self._groups[group].end(made, key)
        return made.fired

    def end_all(self) -> None:
        """Lift every fault that was begun here, the last one first."""
        for fault in reversed(list(self._faults)):
            self.end(fault)

    def fired(self, fault: int) -> int:
        """How often it has done something by now."""
        return self._faults[fault][0].fired

    def produced(self, group: str) -> list[Produced]:
        """The Produce requests that have come."""
        return self._groups[group].produced


async def serve() -> None:
    """Do what standard input says until it ends."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin.buffer)
    parent = os.getppid()
    exchange = Exchange()
    while True:
        try:
            async with asyncio.timeout(_PARENT_S):
                line = await orders.readline()
        except TimeoutError:
            if os.getppid() != parent:
                return
            continue
        if not line:
            return
        sys.stdout.write(answer(exchange, json.loads(line)) + "\n")
        sys.stdout.flush()


def answer(exchange: Exchange, order: dict[str, Any]) -> str:
    """What *exchange* says to *order*, as a line of JSON: the value, or what went wrong."""
    number = order.pop("number")
    try:
        return json.dumps({"number": number, "value": exchange.do(order)})
    except Exception as error:
        return json.dumps({"number": number, "error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    asyncio.run(serve())
