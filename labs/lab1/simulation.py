"""
Given, don't change: what `labkit simulator` plays of this lab.

The page offers what is named here. The classes below run in the processes of producers and consumers, beside
your code; these processes are killed for real.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from labs.lab1.messages import Message
from labs.lab1.payments import BALANCES, Payment

STRATEGIES = {"round_robin": "Round robin", "key_hash": "Key hash", "sticky": "Sticky"}
MODES = {
    "at_most_once": "At most once",
    "at_least_once": "At least once",
    "idempotent": "Exactly once, idempotent",
    "transactional": "Exactly once, transactions",
}
EFFECTS = {"idempotent": BALANCES, "transactional": "topic"}
"""Where a mode's effects are to be seen, if not in its journal: a hash of counts in Redis, or a topic."""

CRASHES = {
    "at_most_once": "before the message is handled",
    "at_least_once": "after the message was handled, before run_once has returned",
    "idempotent": "before its consumer commits",
    "transactional": "inside of a transaction",
}
"""Where a consumer is killed: where that tells most."""

SCENARIOS = {
    "nothing breaks": (),
    "process killed": ("kill_producer",),
    "acknowledgements lost": ("lost_ack",),
    "broker restarted": ("restart_broker",),
    "slow link": ("slow_link", "slow_link"),
    "link reset": ("reset_link",),
}
"""The scenarios of A3 by what breaks in them, and the page's buttons that do it."""

REPLAY = "pytest labs/lab1 --lab-criterion A3 --lab-seed {seed}"
"""The command that checks the scenarios of a seed."""

A3 = "labs/lab1/checks/test_a3_3_scenarios.py::test_95_percent_of_the_scenarios"
BATCH = 20  # batch_size of sticky producers
DELIVERY_TIMEOUT_S = 60.0  # longer than a broker takes to come back
WAIT_S = 5.0
LEAVE_GROUP = 13  # of Kafka's protocol


class SimulatedMessage(Message):
    """
    A message that is a payment too, so that part B's consumers can read what part A's producers send.

    Each has an account of its own and adds 1 to it: the balance is how often it has counted.
    """

    number: int
    producer: int
    payment_id: str
    account: str
    amount: int = 1


def message(number: int, key: str, sequence: int, producer: int) -> SimulatedMessage:
    """The message *number* of a run: the *sequence*-th of its *key*, sent by that producer."""
    return SimulatedMessage(
        key=key,
        sequence=sequence,
        text=f"message {number}",
        number=number,
        producer=producer,
        payment_id=str(number),
        account=str(number),
    )


def seen(value: bytes) -> tuple[str, int, int, int]:
    """Key, sequence, number and producer of the message that a record's *value* holds."""
    found = SimulatedMessage.model_validate_json(value)
    return found.key, found.sequence, found.number, found.producer


def seen_in_target(value: bytes) -> int:
    """The number of the message that a record of the transactional mode's topic stems from."""
    return int(Payment.decoded(value).payment_id)


def scenario(seed: int, strategy: str, partitions: int, fault: str) -> dict[str, Any]:
    """
    The scenario of A3 as `pytest labs/lab1 --lab-criterion A3 --lab-seed SEED` plays it.

    How many keys and messages, and which button is pressed when so many messages were sent. For a number of
    partitions that A3 does not have it is that of the nearest one.
    """
    from labs.lab1.checks import scenarios
    from pytest_labkit.domain.seeds import derive

    chance = random.Random(derive(seed, A3))
    near = min(scenarios.PARTITIONS, key=lambda one: abs(one - partitions))
    played = [(s, p) for s in scenarios.STRATEGIES for p in scenarios.PARTITIONS]
    for name in scenarios.FAULTS:  # all draw from one source of chance, in this order
        keys = dict(zip(played, [chance.randint(4, 9) for _ in played], strict=True))
        _, half, second = sorted(chance.sample(range(6, scenarios.MESSAGES - 6, 2), 3))
        if name == fault:
            break
    moments = [(do, after) for do, after in zip(SCENARIOS[fault], (half, second), strict=False)]
    numbers = range(1, scenarios.PRODUCERS + 1)
    return {
        "keys": keys[strategy, near],
        "messages": scenarios.MESSAGES,
        "producers": scenarios.PRODUCERS,
        "actions": [
            (do, of, after) for do, after in moments for of in (numbers if do == "kill_producer" else (None,))
        ],
    }


# ---- in the process of a producer


class Sender:
    """A producer of yours, and what it says of the messages that it was given."""

    def __init__(self, producer: Any, number: int) -> None:
        self._producer = producer
        self._number = number
        self._told = {"delivered": 0, "failed": 0}
        self.taken = 0
        self.site = ""

    def send(self, messages: Sequence[Sequence[Any]]) -> dict[str, Any]:
        """Send *messages*: number, key and sequence of each; what has become of this and earlier ones."""
        self.taken = 0
        for number, key, sequence in messages:
            made = message(number, key, sequence, self._number)
            if self.site:
                self._producer.send(made)
            else:
                self._watched(made)
            self.taken += 1
        return self.settled()

    def flush(self) -> dict[str, Any]:
        """Flush; what has become of the messages."""
        self._producer.flush()
        return self.settled()

    def close(self) -> dict[str, Any]:
        """Close; what has become of the messages."""
        self._producer.close()
        return self.settled()

    def settled(self) -> dict[str, Any]:
        """The numbers of those that came to be delivered, or failed, since this was last asked."""
        return {"delivered": self._new("delivered"), "failed": self._new("failed"), "site": self.site}

    def _new(self, name: str) -> list[int]:
        found = list(getattr(self._producer, name, ()))[self._told[name] :]
        self._told[name] += len(found)
        return [one.number for one in found if isinstance(one, SimulatedMessage)]

    def _watched(self, made: SimulatedMessage) -> None:
        """Send *made*, and see which line of yours hands it to Kafka's client."""

        def profile(frame: FrameType, event: str, arg: Any) -> None:
            if event == "c_call" and getattr(arg, "__name__", "") == "produce":
                self.site = _site(frame)

        sys.setprofile(profile)
        try:
            self._producer.send(made)
        finally:
            sys.setprofile(None)


def sender(strategy: str, topic: str, number: int) -> Sender:
    """A new producer of yours."""
    from labs.lab1 import producers

    made = producers.create_producer(
        strategy, topic=topic, batch_size=BATCH, delivery_timeout_s=DELIVERY_TIMEOUT_S
    )
    return Sender(made, number)


def analysis(records: Sequence[Any]) -> dict[str, int]:
    """What your `analyze_message_order` says of *records*, given as partition, offset, ms, key, sequence."""
    from labs.lab1 import ordering
    from labs.lab1.messages import Record

    names = ("partition", "offset", "timestamp_ms", "key", "sequence")
    report = ordering.analyze_message_order(
        [Record(**dict(zip(names, told, strict=True))) for told in records]
    )
    return {
        "messages": report.messages,
        "inversions": len(report.inversions),
        "duplicates": len(report.duplicates),
        "gaps": len(report.gaps),
        "scattered": len(report.scattered),
    }


def in_order(topic: str) -> list[tuple[str | None, int]]:
    """What your `read_in_order` makes of *topic*: key and sequence of each."""
    from labs.lab1 import ordering

    return [(record.key, record.sequence) for record in ordering.read_in_order(topic)]


# ---- in the process of a consumer


class Journal:
    """
    What was handled, a line each, in a file: it is there also if the process is killed right after.

    *crash* lets this process be killed where `CRASHES` says.
    """

    def __init__(self, mode: str, path: str) -> None:
        self._mode = mode
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._is_to_crash = False

    def handle(self, payment: Payment) -> None:
        """The handler of the consumers that take one."""
        if self._is_to_crash and self._mode == "at_most_once":
            _die()
        line = f"{payment.payment_id} {time.time_ns()} {_site(sys._getframe(1))}\n"
        os.write(self._file, line.encode())
        if self._is_to_crash:
            _die()

    def transform(self, payment: Payment) -> list[Payment]:
        """The transformation of the transactional step; its effect is what is committed of it."""
        if self._is_to_crash:
            _die()
        return [payment]

    def crash(self) -> None:
        """Be killed at the next such moment."""
        self._is_to_crash = True

    @property
    def dies_at_commit(self) -> bool:
        """Whether the next commit of a consumer is the moment."""
        return self._is_to_crash and self._mode == "idempotent"


class Reader:
    """A consumer of yours."""

    def __init__(self, consumer: Any, journal: Journal) -> None:
        self._consumer = consumer
        self._journal = journal
        self.crash = journal.crash

    def run_once(self, wait_s: float, limit: int) -> int:
        """Let it take some records."""
        if not self._journal.dies_at_commit:
            return int(self._consumer.run_once(wait_s, limit))
        sys.setprofile(_die_at_commit)
        try:
            return int(self._consumer.run_once(wait_s, limit))
        finally:
            sys.setprofile(None)

    def close(self) -> None:
        """Close it."""
        self._consumer.close()


def reader(mode: str, topic: str, target: str, group: str, journal: str, member: str) -> Reader:
    """
    A new consumer of *mode*, of *topic* (and *target*, for the transactional one).

    *member* is its client's id, by which `leave` finds it.
    """
    from labs.lab1 import delivery

    told = Journal(mode, journal)
    config = {"client.id": member, "auto.commit.interval.ms": "100", "log_level": "0"}
    make: dict[str, Callable[[], Any]] = {
        "at_most_once": lambda: delivery.AtMostOnceConsumer(topic, group, told.handle, config),
        "at_least_once": lambda: delivery.AtLeastOnceConsumer(topic, group, told.handle, config),
        "idempotent": lambda: delivery.IdempotentConsumer(topic, group, config),
        "transactional": lambda: delivery.TransactionalProcessor(
            topic, target, group, f"{group}-{member}", told.transform, config
        ),
    }
    return Reader(make[mode](), told)


def leave(address: str, group: str, member: str) -> None:
    """
    Tell the coordinator of *group* that *member*, which was killed, has left.

    It would be missed after its session timeout only, 45 s.
    """
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})  # kept: its futures end with it
    (future,) = admin.describe_consumer_groups([group]).values()
    told = future.result(WAIT_S)
    gone = [found for found in told.members if found.client_id == member]
    for found in gone:
        names = b"".join(
            struct.pack(">h", len(t.encode())) + t.encode() for t in (member, group, found.member_id)
        )
        request = struct.pack(">hhi", LEAVE_GROUP, 1, 1) + names
        with socket.create_connection((told.coordinator.host, told.coordinator.port), WAIT_S) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            connection.recv(4)


def _die_at_commit(_frame: FrameType, event: str, arg: Any) -> None:
    if event == "c_call" and getattr(arg, "__name__", "") == "commit":
        _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _site(frame: FrameType | None) -> str:
    """The nearest line of yours that led here: `producers.py:81 Producer._produce`."""
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    if frame is None:
        return ""
    code = frame.f_code
    return f"{Path(code.co_filename).name}:{frame.f_lineno} {code.co_qualname}"
