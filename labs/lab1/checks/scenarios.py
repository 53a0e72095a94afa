"""
Don't change this file: scenarios, each a strategy, a number of partitions and a fault, on the real broker.

Those of one fault are played side by side, each on a topic of its own: what breaks, breaks for all of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from labs.lab1.checks.topics import Stored, Topics
from labs.lab1.messages import Message, Record
from pytest_labkit import KitError, Mistake
from pytest_labkit.checks import messages
from pytest_labkit.checks.finding import Finding
from pytest_labkit.checks.history import History, Outcome

STRATEGIES = ("round_robin", "key_hash", "sticky")
PARTITIONS = (1, 2, 3, 6)
PRODUCERS = 3
MESSAGES = 60
RUN = 4  # batch_size of sticky producers: small enough for each to move several times
PATIENT_S = 100.0  # a broker that was killed is back within this, on a busy machine too
SENDER, CONSUMER = "sender", "consumer"


@dataclass(frozen=True)
class Scenario:
    """What is played."""

    strategy: str
    partitions: int
    fault: str

    @property
    def placement(self) -> str:
        """Strategy and partitions."""
        return f"{self.strategy}, {self.partitions} partition{'s' * (self.partitions > 1)}"

    def __str__(self) -> str:
        return f"{self.placement}, {self.fault}"


@dataclass
class Played:
    """A scenario, what happened in it, and what is wrong with that."""

    scenario: Scenario
    topic: str
    keys: int
    history: History = field(default_factory=History)
    stored: list[Stored] = field(default_factory=list)
    finding: Finding | None = None
    producers: list[Any] = field(default_factory=list)
    unsettled: list[int] = field(default_factory=list)  # sent since the last flush
    failed: set[str] = field(default_factory=set)  # what producers say of messages: they gave them up
    received: list[Record] = field(default_factory=list)

    def message(self, number: int) -> Message:
        """The message number *number* of the scenario."""
        return Message(key=f"k{number % self.keys}", sequence=number // self.keys)

    def open(self, create: Callable[..., Any]) -> None:
        """Three new producers."""
        options = {"topic": self.topic, "batch_size": RUN, "delivery_timeout_s": PATIENT_S}
        self.producers = [create(self.scenario.strategy, **options) for _ in range(PRODUCERS)]

    def send(self, number: int) -> None:
        """Send the message of that number, by the producer whose turn it is."""
        self.producers[number % PRODUCERS].send(self.message(number))
        self.unsettled.append(number)

    def flush(self) -> None:
        """Wait until all that was sent is safe."""
        for producer in self.producers:
            producer.flush()
        self.unsettled.clear()


class Stage:
    """
    Plays scenarios.

    Args:
        answers: The student's.
        topics: Makes the topics.
        faults: What breaks.
        chance: When, and how much.
    """

    def __init__(self, answers: Any, topics: Topics, faults: Any, chance: random.Random) -> None:
        self._answers = answers
        self._topics = topics
        self._faults = faults
        self._chance = chance
        self._process: Any = answers

    def play(self, fault: str) -> list[Played]:
        """The scenarios of *fault*, played and judged."""
        played = self._set_up(fault)
        self._process = self._answers.another_process() if fault == KILLED else self._answers
        self._open(played)
        first, half, second = sorted(self._chance.sample(range(6, MESSAGES - 6, 2), 3))
        self._send(played, 0, first)
        _flush(played)
        self._send(played, first, half)
        with _FAULTS[fault](self, played):
            self._send(played, half, second)
            if fault in _SEEN_TO_THE_END:
                _flush(played)
        self._send(played, second, MESSAGES)
        self._close(played)
        self._read(played)
        return played

    def _set_up(self, fault: str) -> list[Played]:
        scenarios = [Scenario(s, partitions, fault) for s in STRATEGIES for partitions in PARTITIONS]
        names = self._topics.new(*(scenario.partitions for scenario in scenarios))
        return [
            Played(scenario, name, self._chance.randint(4, 9))
            for scenario, name in zip(scenarios, names, strict=True)
        ]

    def _open(self, played: list[Played]) -> None:
        for one in played:
            one.open(self._process.producers.create_producer)

    def _send(self, played: list[Played], first: int, end: int) -> None:
        for number in range(first, end):
            for one in played:
                message = one.message(number)
                producer = f"producer {number % PRODUCERS}"
                with one.history.recording(
                    SENDER, "send", key=message.key, message=_name(message), by=producer
                ):
                    one.send(number)

    def _close(self, played: list[Played]) -> None:
        _flush(played)
        for one in played:
            for producer in one.producers:
                one.failed |= {_name(message) for message in producer.failed}
                producer.close()
            one.producers = []
        if self._process is not self._answers:
            self._process.close()

    def _read(self, played: list[Played]) -> None:
        """What the student's consumer makes of each topic, beside what lies there."""
        stored = self._topics.read_all(one.topic for one in played)
        with ThreadPoolExecutor(len(played)) as pool:
            reads = [pool.submit(self._read_one, one) for one in played]
        for one, read in zip(played, reads, strict=True):
            read.result()
            one.stored = stored[one.topic]
            one.finding = judged(one)

    def _read_one(self, one: Played) -> None:
        with one.history.recording(CONSUMER, "receive") as call:
            got = self._answers.ordering.read_in_order(one.topic)
            if type(got) is not list or any(type(record) is not Record for record in got):
                kind = f"a {type(got).__name__}"
                raise Mistake(checked="", expected="a list of records from read_in_order", got=kind)
            one.received = call.value = got

    # --- what breaks: between two messages of a scenario, for all at once

    @contextmanager
    def nothing(self, played: list[Played]) -> Iterator[None]:
        """Nothing breaks."""
        yield

    @contextmanager
    def process_killed(self, played: list[Played]) -> Iterator[None]:
        """The producers' process is killed; the next one sends again what was not known to be safe."""
        self._process.kill()
        self._process = self._answers.another_process()
        self._open(played)
        for one in played:
            for number in one.unsettled.copy():
                one.producers[number % PRODUCERS].send(one.message(number))
        yield

    @contextmanager
    def acknowledgements_lost(self, played: list[Played]) -> Iterator[None]:
        """The broker stores batches, and the connection breaks before it can say so."""
        with self._faults.kafka.lose_reply(times=len(played)) as fault:
            yield
            met(fault, self._faults)

    @contextmanager
    def broker_restarted(self, played: list[Played]) -> Iterator[None]:
        """The broker is killed while messages are on their way, and started again."""
        with self._faults.kafka.killed():
            yield

    @contextmanager
    def slow_link(self, played: list[Played]) -> Iterator[None]:
        """Every byte is late, by 5 to 25 ms."""
        with self._faults.kafka.latency(0.015, jitter=0.01) as fault:
            yield
            met(fault, self._faults)

    @contextmanager
    def link_reset(self, played: list[Played]) -> Iterator[None]:
        """Connections are reset, and new ones for as long as some messages are sent."""
        with self._faults.kafka.reset_peer() as fault:
            yield
            met(fault, self._faults)


KILLED = "process killed"
_FAULTS: dict[str, Callable[[Stage, list[Played]], Any]] = {
    "nothing breaks": Stage.nothing,
    KILLED: Stage.process_killed,
    "acknowledgements lost": Stage.acknowledgements_lost,
    "broker restarted": Stage.broker_restarted,
    "slow link": Stage.slow_link,
    "link reset": Stage.link_reset,
}
FAULTS = tuple(_FAULTS)
_SEEN_TO_THE_END = ("acknowledgements lost", "slow link")


def _flush(played: list[Played]) -> None:
    for one in played:
        one.flush()


def met(fault: Any, faults: Any) -> None:
    """
    The *fault* has happened to something.

    Raises:
        Mistake: It met nothing as no acknowledgement was asked for, so that none could be lost.
        KitError: It met nothing, so it proves nothing.
    """
    if fault.fired:
        return
    if any(acks == 0 for acks, _ in faults.kafka.produced()):
        raise Mistake(checked="", expected="requests that ask for an acknowledgement", got="acks=0")
    raise KitError("A fault met nothing, so it proves nothing.")


def _name(message: Message | Record) -> str:
    return f"{message.key}#{message.sequence}"


def judged(one: Played) -> Finding | None:
    """What is wrong with what a consumer got of what was sent, and its order; `None` if nothing is."""
    there = {(stored.partition, stored.offset): stored.id for stored in one.stored}
    operations = [
        replace(operation, value=_names(operation.value, there)) if operation.name == "receive" else operation
        for operation in one.history
    ]
    return _given_up(one) or messages.log(operations)


def _given_up(one: Played) -> Finding | None:
    """The first message that was not delivered, though nothing was broken for long."""
    sends = [operation for operation in one.history if operation.args.get("message") in one.failed]
    if not sends:
        return None
    name, more = sends[0].args["message"], len(sends) - 1
    return Finding(
        "failed",
        f"{name} to be delivered: what broke was mended well within delivery_timeout_s",
        f"it is in failed, and {more} more" if more else "it is in failed",
        (replace(sends[0], outcome=Outcome.FAILED),),
    )


def _names(got: list[Record], there: dict[tuple[int, int], tuple[str, int]]) -> list[str]:
    """The names of the messages that *got* holds; one that does not lie where it says has another name."""
    return [
        _name(r) if there.get((r.partition, r.offset)) == (r.key, r.sequence) else f"{_name(r)} (made up)"
        for r in got
    ]
