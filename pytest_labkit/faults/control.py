"""
The process that a run's links lead through: ports that lead to servers, and faults on them.

Run as a program it does what its parent orders on standard input (`orders`), and ends with it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pytest_labkit.faults import orders
from pytest_labkit.faults.kafka.fetches import Fetched
from pytest_labkit.faults.kafka.protocol import APIS, KafkaTranslator, Produced
from pytest_labkit.faults.tcp.fault import TcpFault
from pytest_labkit.faults.tcp.faults import KINDS, LoseReply
from pytest_labkit.faults.tcp.proxy import ProxiedPort
from pytest_labkit.host import children

_PRODUCED = 10_000  # requests that are remembered; older ones are forgotten


class Group:
    """
    The ports that lead to the servers of one service, by *key*: a broker's id, or any name.

    A fault lies on one of them or on all, those included that are opened while it lasts.
    """

    def __init__(self, *, kafka: bool) -> None:
        self.ports: dict[str, ProxiedPort] = {}
        self.produced: list[Produced] = []
        self.fetched: Counter[tuple[str, int]] = Counter()
        self._faults: list[tuple[TcpFault, str | None]] = []
        self._kafka = kafka

    def open(self, target: tuple[str, int], key: str, at: int = 0) -> int:
        """The number of a new port that leads to *target*: *at*, or with 0 any that is free."""
        port = ProxiedPort(target, [], self._translator if self._kafka else None, at)
        port.faults += [fault for fault, where in self._faults if where in (None, key)]
        self.ports[key] = port
        port.listen()
        for fault in port.faults:
            fault.begin([port])
        return port.port

    def begin(self, fault: TcpFault, where: str | None) -> None:
        """Put *fault* on the port *where*, or on all."""
        self._faults.append((fault, where))
        ports = self._at(where)
        for port in ports:
            port.faults.append(fault)
        fault.begin(ports)

    def end(self, fault: TcpFault, where: str | None) -> None:
        """Lift *fault*."""
        self._faults.remove((fault, where))
        ports = self._at(where)
        for port in ports:
            port.faults.remove(fault)
        fault.end(ports)
        for port in ports:
            port.reschedule()

    def close(self) -> list[str]:
        """Close all ports; what was wrong with what they carried."""
        for port in self.ports.values():
            port.close()
        return [problem for port in self.ports.values() for problem in port.problems]

    def _at(self, where: str | None) -> list[ProxiedPort]:
        return list(self.ports.values()) if where is None else [self.ports[where]]

    def _translator(self, port: ProxiedPort) -> KafkaTranslator:
        return KafkaTranslator(self._elsewhere, partial(_loses, port), self._note, self._count)

    def _elsewhere(self, address: tuple[str, int]) -> tuple[str, int]:
        """The port to the broker at *address*; a broker that was not known before gets one."""
        for port in self.ports.values():
            if port.target == address:
                return "127.0.0.1", port.port
        return "127.0.0.1", self.open(address, f"{address[0]}:{address[1]}")

    def _note(self, produced: Produced) -> None:
        self.produced.append(produced)
        del self.produced[:-_PRODUCED]

    def _count(self, fetched: Fetched) -> None:
        self.fetched[fetched.topic, fetched.partition] += fetched.records


def _loses(port: ProxiedPort, api: int) -> bool:
    lost = [fault for fault in port.faults if isinstance(fault, LoseReply)]
    return any(APIS[fault.api] == api and fault.takes() for fault in lost)


class ProxyControl:
    """
    All groups, and what can be asked of them.

    Several may have the same *groups*: each knows the faults that it has begun itself.
    """

    def __init__(self, groups: dict[str, Group] | None = None) -> None:
        self._groups = {} if groups is None else groups
        self._faults: dict[int, tuple[TcpFault, str, str | None]] = {}

    def do(self, order: Mapping[str, Any]) -> Any:
        """Carry out an order: the method of its name, with its other members."""
        known: dict[str, Callable[..., Any]] = {
            "open": self.open,
            "close": self.close,
            "begin": self.begin,
            "end": self.end,
            "fired": self.fired,
            "produced": self.produced,
            "fetched": self.fetched,
        }
        return known[order["do"]](**{name: value for name, value in order.items() if name != "do"})

    def open(self, group: str, key: str, host: str, port: int, kafka: bool, at: int = 0) -> int:
        """A port that leads to *host* and *port*; its number, which is *at* if that is not 0."""
        return self._groups.setdefault(group, Group(kafka=kafka)).open((host, port), key, at)

    def close(self, group: str) -> list[str]:
        """Close the ports of *group*; what was wrong with what they carried."""
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

    def fetched(self, group: str) -> list[Fetched]:
        """How many records of each partition the brokers have sent."""
        return [Fetched(*where, records) for where, records in self._groups[group].fetched.items()]


async def serve() -> None:
    """Do what standard input says until it ends."""
    told = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(told), sys.stdin.buffer)
    await orders.obey(told, _say, ProxyControl().do)


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    children.end_with_parent()
    asyncio.run(serve())
