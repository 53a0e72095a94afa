"""
Judges of a message log, such as a Kafka topic: what was sent, what of it was acknowledged, what arrived.

`send` has the arguments `key` and `message`, an id that no other message has; its process is the producer,
which makes its sends in their order, even if it waits for their acknowledgements later. It is `ok` when it
was acknowledged, `failed` when it was certainly not sent, and `unknown` otherwise: then the message may be
there or not, now or later. `receive` returns the ids of one delivery in their order; its process is the
consumer. Other operations are not looked at. In the examples, `p1: send(k, a) ok` is an acknowledged send.

Only what a log promises is asked for, as Jepsen's Kafka workload does (jepsen/tests/kafka.clj): offsets may
have holes, a poll need not be recent, order holds within a key, and a delivery that is repeated after a
rebalance is a duplicate and no reordering. Where a lab allows duplicates, it does not ask for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, wraps

from pytest_labkit.checks.finding import Finding, brief, earliest
from pytest_labkit.checks.history import Operation, Outcome

Judge = Callable[[Iterable[Operation]], Finding | None]


@dataclass(frozen=True)
class Delivery:
    """A message that arrived, and the `receive` that it arrived with."""

    message: str
    operation: Operation


class Exchange:
    """A history, looked at from the sides that the judges need."""

    def __init__(self, history: Iterable[Operation]) -> None:
        ordered = sorted(history, key=lambda operation: operation.start)
        self.sends = [operation for operation in ordered if operation.name == "send"]
        self.deliveries = [
            Delivery(message, operation)
            for operation in ordered
            if operation.name == "receive" and operation.outcome is Outcome.OK
            for message in operation.value
        ]

    @cached_property
    def acknowledged(self) -> list[Operation]:
        return [send for send in self.sends if send.outcome is Outcome.OK]

    @cached_property
    def sent(self) -> dict[str, list[Operation]]:
        """The sends of each message: more than one where the caller tried again."""
        sent: dict[str, list[Operation]] = {}
        for send in self.sends:
            sent.setdefault(send.args["message"], []).append(send)
        return sent

    @cached_property
    def arrived(self) -> dict[str, list[Delivery]]:
        """The deliveries of each message, first things first."""
        arrived: dict[str, list[Delivery]] = {}
        for delivery in self.deliveries:
            arrived.setdefault(delivery.message, []).append(delivery)
        return arrived


def _judge(find: Callable[[Exchange], Iterator[Finding]]) -> Judge:
    @wraps(find)
    def judge(history: Iterable[Operation]) -> Finding | None:
        return earliest(find(Exchange(history)))

    return judge


def log(history: Iterable[Operation]) -> Finding | None:
    """The first anomaly, those first that explain most; `None` if there is none."""
    operations = list(history)
    findings = (judge(operations) for judge in (phantom, lost, duplicated, reordered))
    return next((finding for finding in findings if finding is not None), None)


@_judge
def phantom(exchange: Exchange) -> Iterator[Finding]:
    """
    A message that arrived and was never sent, or whose every send failed.

    `p1: send(k, a) failed`, `c1: receive() ok: [a]`: what was refused is there.
    """
    for message, deliveries in exchange.arrived.items():
        sends = exchange.sent.get(message, [])
        if all(send.outcome is Outcome.FAILED for send in sends):
            yield _found(
                "phantom",
                "no message but those that were sent",
                f"{brief(message)} arrived, {'whose send had failed' if sends else 'which nobody sent'}",
                [message],
                *sends,
                deliveries[0].operation,
            )


@_judge
def lost(exchange: Exchange) -> Iterator[Finding]:
    """
    An acknowledged message that never arrived, in a history whose consumers have read to the end.

    `p1: send(k, a) ok`, and no `receive` with a.
    """
    missing = [send for send in exchange.acknowledged if send.args["message"] not in exchange.arrived]
    for send in missing:
        message = send.args["message"]
        yield _found(
            "lost",
            f"{brief(message)} to arrive: its send was acknowledged",
            f"it did not: {len(missing)} of {len(exchange.acknowledged)} acknowledged messages are missing",
            [message],
            send,
        )


@_judge
def duplicated(exchange: Exchange) -> Iterator[Finding]:
    """
    A message that arrived twice.

    `c1: receive() ok: [a]`, `c2: receive() ok: [a]`, or twice with one delivery.
    """
    for message, deliveries in exchange.arrived.items():
        if len(deliveries) > 1:
            yield _found(
                "duplicated",
                f"{brief(message)} to arrive once",
                f"it arrived {len(deliveries)} times",
                [message],
                *(delivery.operation for delivery in deliveries[:2]),
            )


@_judge
def reordered(exchange: Exchange) -> Iterator[Finding]:
    """
    Two messages of one key that arrived the other way round.

    `p1: send(k, a) ok`, then `p1: send(k, b) ok`, and `c1: receive() ok: [b, a]`. Of two producers, one
    came first if it was acknowledged before the other began. A message whose send is unknown may come
    late. Only the first arrival of a message counts, and each consumer's order for itself.
    """
    for lane in _first_arrivals(exchange).values():
        newest: tuple[Operation, Delivery] | None = None  # of those that arrived, the one sent last
        newest_by: dict[str, tuple[Operation, Delivery]] = {}  # the same for each producer
        for send, delivery in lane:
            for later in (newest, newest_by.get(send.process)):
                if later is not None and _precedes(send, later[0]):
                    yield _reordering(send, delivery, *later)
            if newest is None or send.start > newest[0].start:
                newest = send, delivery
            if send.process not in newest_by or send.start > newest_by[send.process][0].start:
                newest_by[send.process] = send, delivery


def _first_arrivals(exchange: Exchange) -> dict[tuple[str, str], list[tuple[Operation, Delivery]]]:
    """By consumer and key, in the order of arrival: messages sent once, at their first arrival anywhere."""
    lanes: dict[tuple[str, str], list[tuple[Operation, Delivery]]] = {}
    for message, (first, *_) in exchange.arrived.items():
        sends = exchange.sent.get(message, [])
        if len(sends) == 1 and sends[0].args["key"] is not None:
            lane = lanes.setdefault((first.operation.process, str(sends[0].args["key"])), [])
            lane.append((sends[0], first))
    return lanes


def _precedes(one: Operation, other: Operation) -> bool:
    """Whether *one* was certainly sent before *other*."""
    if one.outcome is not Outcome.OK:
        return False
    return one.start < other.start if one.process == other.process else one.end < other.start


def _reordering(
    early: Operation, arrived_late: Delivery, late: Operation, arrived_early: Delivery
) -> Finding:
    first, second = early.args["message"], late.args["message"]
    return _found(
        "reordered",
        f"{brief(first)} before {brief(second)}: it was sent before it, with the same key",
        f"{brief(second)} arrived first",
        [first, second],
        early,
        late,
        arrived_early.operation,
        arrived_late.operation,
    )


def _found(anomaly: str, expected: str, got: str, messages: list[str], *shown_by: Operation) -> Finding:
    distinct = {id(operation): operation for operation in shown_by}.values()
    evidence = [_showing(operation, messages) for operation in distinct]
    return Finding(anomaly, expected, got, tuple(sorted(evidence, key=lambda o: o.start)))


def _showing(operation: Operation, messages: list[str]) -> Operation:
    """A `receive` with no other messages than those that matter, the places of others marked."""
    if operation.name != "receive":
        return operation
    shown: list[str] = []
    for message in operation.value:
        if message in messages:
            shown.append(message)
        elif shown[-1:] != ["…"]:
            shown.append("…")
    return replace(operation, value=shown)
