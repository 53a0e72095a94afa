"""The judges of a message log, on histories written by hand and on a simulated log that is right."""

from __future__ import annotations

import math
import random

import pytest
from histories import history as written
from histories import told

from pytest_labkit.checks import messages
from pytest_labkit.checks.history import Operation, Outcome


def history(text: str) -> list[Operation]:
    """`p1 0-4 send(k, a) ok`, `c1 5-6 receive() ok: a b`; a key `-` is no key."""
    return written(text, "key", "message")


SOUND = {
    "nothing": "c1 0-1 receive() ok:",
    "in order": "p1 0-2 send(k, a) ok\np1 3-4 send(k, b) ok\nc1 5-6 receive() ok: a b",
    "unknown, and there": "p1 0-2 send(k, a) unknown\nc1 5-6 receive() ok: a",
    "unknown, and not there": "p1 0-2 send(k, a) unknown\nc1 5-6 receive() ok:",
    "under way for ever": "p1 0- send(k, a) unknown\nc1 5-6 receive() ok: a",
    "failed, and not there": "p1 0-2 send(k, a) failed\nc1 5-6 receive() ok:",
    "tried again after all": """p1 0-2 send(k, a) failed
        p1 3-4 send(k, a) ok
        c1 5-6 receive() ok: a""",
    "other keys": "p1 0-2 send(k, a) ok\np1 3-4 send(m, b) ok\nc1 5-6 receive() ok: b a",
    "no key": "p1 0-2 send(-, a) ok\np1 3-4 send(-, b) ok\nc1 5-6 receive() ok: b a",
    "two producers at once": "p1 0-4 send(k, a) ok\np2 3-5 send(k, b) ok\nc1 6-7 receive() ok: b a",
    "two consumers": """p1 0-2 send(k, a) ok
        p1 3-4 send(k, b) ok
        c2 5-6 receive() ok: b
        c1 7-8 receive() ok: a""",
    "unknown, and late": "p1 0-2 send(k, a) unknown\np1 3-4 send(k, b) ok\nc1 5-6 receive() ok: b a",
    "a crash while receiving": "p1 0-2 send(k, a) ok\nc1 3-4 receive() unknown\nc2 5-6 receive() ok: a",
}


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND.keys())
def test_what_a_log_may_do_is_no_anomaly(text: str) -> None:
    """Nobody is accused of what no message log promises."""
    assert messages.log(history(text)) is None


def test_lost() -> None:
    """An acknowledged message that nobody received, and how many there are of its kind."""
    operations = history("""
        p1 0-2 send(k, a) ok
        p1 3-4 send(k, b) ok
        p1 5-6 send(k, c) ok
        c1 7-8 receive() ok: b
    """)
    assert told(messages.lost(operations)) == (
        "lost",
        "a to arrive: its send was acknowledged",
        "it did not: 2 of 3 acknowledged messages are missing",
        ["p1"],
    )


def test_phantom_that_nobody_sent() -> None:
    """A message out of nowhere is shown where it arrived."""
    assert told(messages.phantom(history("c1 5-6 receive() ok: z"))) == (
        "phantom",
        "no message but those that were sent",
        "z arrived, which nobody sent",
        ["c1"],
    )


def test_phantom_whose_send_failed() -> None:
    """What was refused, or aborted, must not arrive."""
    operations = history("p1 0-2 send(k, a) failed\nc1 5-6 receive() ok: a")
    assert told(messages.phantom(operations))[2:] == ("a arrived, whose send had failed", ["p1", "c1"])


def test_duplicated() -> None:
    """A message that arrived more than once is shown with its first two arrivals."""
    operations = history("""
        p1 0-2 send(k, a) ok
        c1 3-4 receive() ok: a
        c2 5-6 receive() ok: a
        c2 7-8 receive() ok: a
    """)
    expected = ("duplicated", "a to arrive once", "it arrived 3 times", ["c1", "c2"])
    assert expected == told(messages.duplicated(operations))


def test_duplicated_within_one_delivery() -> None:
    """Twice with one delivery is twice; the operation is shown once."""
    operations = history("p1 0-2 send(k, a) ok\nc1 3-4 receive() ok: a a")
    assert told(messages.duplicated(operations))[2:] == ("it arrived 2 times", ["c1"])


def test_reordered() -> None:
    """Two messages of one producer and key that arrived the other way round."""
    operations = history("""
        p1 0-9 send(k, a) ok
        p1 1-8 send(k, b) ok
        c1 10-11 receive() ok: b
        c1 12-13 receive() ok: a
    """)
    assert told(messages.reordered(operations)) == (
        "reordered",
        "a before b: it was sent before it, with the same key",
        "b arrived first",
        ["p1", "p1", "c1", "c1"],
    )


def test_reordered_between_two_producers() -> None:
    """Whose send was acknowledged before another's began comes first."""
    operations = history("p1 0-2 send(k, a) ok\np2 3-4 send(k, b) ok\nc1 5-6 receive() ok: b a")
    assert told(messages.reordered(operations))[3] == ["p1", "p2", "c1"]


def test_reordered_beside_another_producer() -> None:
    """What another producer sent at the same time, and nobody can place, hides nothing."""
    operations = history("""
        p1 0-9 send(k, a) ok
        p1 1-8 send(k, b) ok
        p2 2-9 send(k, z) ok
        c1 10-11 receive() ok: b z a
    """)
    assert told(messages.reordered(operations))[2:] == ("b arrived first", ["p1", "p1", "c1"])


def test_the_shortest_of_many_reorderings_is_shown() -> None:
    """Within one delivery it takes three operations to show, so that is what is shown."""
    operations = history("""
        p1 0-1 send(k, a) ok
        p1 2-3 send(k, b) ok
        p1 4-5 send(m, c) ok
        p1 6-7 send(m, d) ok
        c1 8-9 receive() ok: b
        c1 10-11 receive() ok: a x
        c1 12-13 receive() ok: d c
    """)
    finding = messages.reordered(operations)
    assert finding is not None
    assert ["c", "d"] == [o.args["message"] for o in finding.evidence if o.name == "send"]
    assert 3 == len(finding.evidence)


def test_a_delivery_of_many_shows_what_matters() -> None:
    """Of hundreds of messages in one delivery the evidence shows those that it is about."""
    sends = "\n".join(f"p1 {n}-{n} send(k, m{n}) ok" for n in range(300))
    order = [f"m{n}" for n in range(300)]
    order[100], order[200] = order[200], order[100]
    operations = history(f"{sends}\nc1 900-901 receive() ok: {' '.join(order)}")
    finding = messages.reordered(operations)
    assert finding is not None
    assert ["…", "m200", "m101", "…"] == finding.evidence[-1].value


def test_redelivery_after_a_rebalance_is_no_reordering() -> None:
    """What arrives again is a duplicate, whatever came in between."""
    operations = history("""
        p1 0-1 send(k, a) ok
        p1 2-3 send(k, b) ok
        c1 4-5 receive() ok: a b
        c2 6-7 receive() ok: a b
    """)
    assert messages.reordered(operations) is None
    assert told(messages.duplicated(operations))[0] == "duplicated"


ANOMALIES = {
    "phantom": "c1 0-1 receive() ok: a",
    "lost": "p1 0-1 send(k, a) ok",
    "duplicated": "p1 0-1 send(k, a) ok\nc1 2-3 receive() ok: a a",
    "reordered": "p1 0-1 send(k, a) ok\np1 2-3 send(k, b) ok\nc1 4-5 receive() ok: b a",
}


@pytest.mark.parametrize(("anomaly", "text"), ANOMALIES.items(), ids=ANOMALIES.keys())
def test_every_anomaly_reaches_log(anomaly: str, text: str) -> None:
    """No judge is forgotten, and the name is the right one."""
    assert told(messages.log(history(text)))[0] == anomaly


@pytest.mark.parametrize("seed", range(50))
def test_a_right_log_is_never_accused(seed: int) -> None:
    """Random producers, lost acknowledgements and late effects, read in order by two consumers."""
    operations, arrived = _simulated(random.Random(seed))
    assert arrived > 10
    assert messages.log(operations) is None


def _simulated(chance: random.Random) -> tuple[list[Operation], int]:
    """Sixty sends of three producers to four keys, each with its effect at a moment while it was made."""
    operations, effects, free = [], [], {"p1": 0.0, "p2": 0.0, "p3": 0.0}
    for number in range(60):
        producer = chance.choice(list(free))
        start = free[producer] + chance.uniform(0, 3)
        effect = start + chance.uniform(0.1, 3)
        end = effect + chance.uniform(0.1, 3)
        free[producer] = end
        outcome = chance.choice([Outcome.OK] * 4 + [Outcome.FAILED, Outcome.UNKNOWN])
        args = {"key": f"k{chance.randrange(4)}", "message": f"m{number}"}
        if outcome is Outcome.UNKNOWN:
            effect += chance.choice([0, 5, math.inf])
        if outcome is not Outcome.FAILED and effect < math.inf:
            effects.append((effect, args["key"], args["message"]))
        operations.append(Operation(producer, "send", args, start, end, outcome))
    for consumer in (0, 1):
        mine = [message for _, key, message in sorted(effects) if int(key[1]) % 2 == consumer]
        for n in range(0, len(mine), 5):
            batch = mine[n : n + 5]
            operations.append(
                Operation(f"c{consumer}", "receive", {}, 999 + n, 999.5 + n, Outcome.OK, value=batch)
            )
    return operations, len(effects)
