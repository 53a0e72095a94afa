"""Don't change this file: scenarios as the report shows them."""

from __future__ import annotations

from collections.abc import Sequence

from labs.lab1.checks.scenarios import FAULTS, Played
from labs.lab1.messages import Record
from pytest_labkit.domain.model import Join, Mark


def told(one: Played) -> str:
    """What came of a scenario, in a few words."""
    return f"{one.finding.anomaly}: {one.finding.got}" if one.finding else "in order"


def grid(played: Sequence[Played]) -> list[Mark]:
    """A mark for each scenario: a lane for strategy and partitions, along it the faults."""
    return [
        Mark(
            lane=one.scenario.placement,
            label=f"{one.scenario.fault}: {told(one)}",
            at=float(FAULTS.index(one.scenario.fault) + 1),
            wrong=one.finding is not None,
        )
        for one in played
    ]


def log(one: Played) -> tuple[list[Mark], list[Join]]:
    """The topic of a scenario that went wrong: partitions as lanes, what came in the wrong order joined."""
    wrong = _wrong_ids(one)
    marks = [
        Mark(
            f"partition {stored.partition}", _name(stored.id), float(stored.offset), _name(stored.id) in wrong
        )
        for stored in one.stored
    ]
    places = {(stored.partition, stored.offset): place for place, stored in enumerate(one.stored)}
    joins = [
        Join(
            places[before.partition, before.offset],
            places[after.partition, after.offset],
            f"given in this order, {before.key}#{before.sequence} first",
        )
        for before, after in _inverted(one.received)
        if {(before.partition, before.offset), (after.partition, after.offset)} <= places.keys()
    ]
    return marks, joins


def _wrong_ids(one: Played) -> set[str]:
    """The messages that the finding is about."""
    if one.finding is None:
        return set()
    sends = [operation for operation in one.finding.evidence if operation.name == "send"]
    received = [o.value for o in one.finding.evidence if o.name == "receive"]
    return {str(send.args["message"]) for send in sends} | {name for value in received for name in value}


def _inverted(received: Sequence[Record]) -> list[tuple[Record, Record]]:
    """Of each key, two records in a row that were given in the wrong order or twice."""
    last: dict[str | None, Record] = {}
    found = []
    for record in received:
        before = last.get(record.key)
        if before is not None and before.sequence >= record.sequence:
            found.append((before, record))
        last[record.key] = record
    return found


def _name(id_: tuple[str, int]) -> str:
    return f"{id_[0]}#{id_[1]}"
