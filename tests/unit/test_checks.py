"""
Judges on hand-written histories: each anomaly is found where it is, and nothing where it is not.

A history is written as a line per operation: who, when in milliseconds, what, how it ended. `final` is the
log, its events from version 1 on, or each with its version.
"""

from __future__ import annotations

import math
import random
import re

import pytest

from pytest_labkit import checks
from pytest_labkit.checks import Finding
from pytest_labkit.checks.history import Operation, Outcome
from pytest_labkit.domain.model import Step

LINE = re.compile(r"(\w+) +(\d+)-(\d*) +(\w+)\(([^)]*)\) +(ok|failed|unknown)(?:: *(.*))?")


def _history(text: str) -> tuple[list[Operation], list[tuple[int, str]]]:
    """`w1 0-4 append(0, a b) ok`, `r1 5-6 read(2) ok: c d` and `final: a b` or `final: 2a 1b`."""
    *lines, last = (line.strip() for line in text.strip().splitlines())
    words = last.removeprefix("final:").split()
    numbered = [re.fullmatch(r"(\d+)(\w+)", word) for word in words]
    return [_operation(line) for line in lines], [
        (int(found[1]), found[2]) if found else (version, word)
        for version, (word, found) in enumerate(zip(words, numbered, strict=True), start=1)
    ]


def _operation(line: str) -> Operation:
    found = LINE.fullmatch(line)
    assert found is not None, line
    process, start, end, name, arguments, outcome, value = found.groups()
    version, _, batch = arguments.partition(",")
    args = {"expected_version": int(version), "batch": batch.split()} if name == "append" else {}
    if name == "read" and version:
        args = {"from_version": int(version)}
    return Operation(
        process,
        name,
        args,
        int(start) / 1000,
        int(end) / 1000 if end else math.inf,
        Outcome(outcome),
        value=(value or "").split() if name == "read" else None,
        error="ConcurrencyError: refused" if outcome == "failed" else None,
    )


def _told(finding: Finding | None) -> tuple[str, str, list[str]]:
    """What a finding says, and whose operations it shows."""
    assert finding is not None
    return finding.expected, finding.got, [operation.process for operation in finding.evidence]


SOUND = {
    "one after the other": """
        w1 0-1 append(0, a) ok
        w2 2-3 append(1, b c) ok
        final: a b c
    """,
    "a race with one winner": """
        w1 0-5 append(0, a) failed
        w2 0-4 append(0, b) ok
        w3 1-5 append(0, c) failed
        final: b
    """,
    "unknown and there": """
        w1 0-9 append(0, a b) unknown
        final: a b
    """,
    "unknown and not there": """
        w1 0-9 append(0, a b) unknown
        w2 1-2 append(0, c) ok
        final: c
    """,
    "unknown, tried again and refused, stored once": """
        w1 0-4 append(0, a) unknown
        w1 5-6 append(0, a) failed
        final: a
    """,
    "unknown, tried again at a later version": """
        w1 0-4 append(0, a) unknown
        w2 1-2 append(0, b) ok
        w1 5-6 append(1, a) ok
        final: b a
    """,
    "a stale writer inside a batch is refused": """
        w1 0-1 append(0, a b c) ok
        w2 2-3 append(1, d) failed
        final: a b c
    """,
    "an empty batch claims no version": """
        w1 0-1 append(0, a) ok
        w2 0-2 append(0,) ok
        w3 0-2 append(0,) failed
        final: a
    """,
    "unknown takes effect after its caller gave up": """
        w1 0-1 append(1, b) unknown
        w2 2-3 append(0, a) ok
        final: a b
    """,
    "a call that has not ended": """
        w1 0- append(0, a) unknown
        final: a
    """,
    "nothing happened": """
        final:
    """,
}


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND.keys())
def test_sound_history(text: str) -> None:
    """Nothing is found where nothing is wrong."""
    assert checks.append_log(*_history(text)) is None
    assert checks.reads(*_history(text)) is None


def test_two_winners() -> None:
    """Two acknowledged appends at one expected version are two winners."""
    history = _history("""
        w1 0-4 append(0, a) ok
        w2 1-5 append(0, b) ok
        w3 1-5 append(0, c) failed
        final: b
    """)
    assert _told(checks.two_winners(*history)) == (
        "one acknowledged append for version 1",
        "two: w1's batch [a] as version 1, and w2's batch [b] as version 1",
        ["w1", "w2"],
    )


def test_two_winners_inside_a_batch() -> None:
    """A stale writer whose expected version lies inside an acknowledged batch claims a version twice."""
    history = _history("""
        w1 0-4 append(0, a b c) ok
        w3 5-6 append(3, e) ok
        w2 7-8 append(1, d) ok
        final: a b c e d
    """)
    assert _told(checks.two_winners(*history)) == (
        "one acknowledged append for version 2",
        "two: w1's batch [a, b, c] as versions 1 to 3, and w2's batch [d] as version 2",
        ["w1", "w2"],
    )


def test_one_winner() -> None:
    """An unknown append beside an acknowledged one is no second winner."""
    history = _history("""
        w1 0-4 append(0, a) ok
        w2 1-9 append(0, b) unknown
        w3 5-6 append(1, c) ok
        final: a c
    """)
    assert checks.two_winners(*history) is None


def test_written_though_refused() -> None:
    """A refused call that left something is found; the shortest finding is the call itself."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w2 2-3 append(0, b c d) failed
        final: a b c
    """)
    assert _told(checks.written_though_refused(*history)) == (
        "nothing of w2's batch [b, c, d] in the log: the call was refused",
        "b and c at versions 2 and 3",
        ["w2"],
    )


def test_refused_second_try_of_what_is_there() -> None:
    """A refused call does not speak against an event that an earlier call wrote."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w1 2-3 append(0, a) failed
        final: a
    """)
    assert checks.written_though_refused(*history) is None


def test_duplicate() -> None:
    """An event that is there twice is found, with every call that carried it."""
    history = _history("""
        w1 0-1 append(0, a) unknown
        w2 0-3 append(1, b) ok
        w1 2-3 append(2, a) ok
        final: a b a
    """)
    assert _told(checks.duplicate(*history)) == (
        "event a once in the log",
        "it is at versions 1 and 3",
        ["w1", "w1"],
    )


def test_no_duplicate() -> None:
    """Two tries that are stored once are no duplicate."""
    history = _history("""
        w1 0-1 append(0, a) unknown
        w1 2-3 append(0, a) ok
        final: a
    """)
    assert checks.duplicate(*history) is None


@pytest.mark.parametrize("outcome", ["ok", "unknown"])
def test_torn_batch(outcome: str) -> None:
    """A part of a batch is found, whether the call was acknowledged or not."""
    history = _history(f"""
        w1 0-1 append(0, a b c) {outcome}
        final: a b
    """)
    assert _told(checks.torn(*history)) == (
        "all 3 events of w1's batch [a, b, c] in the log, or none",
        "2 of them: a and b, and not c",
        ["w1"],
    )


def test_interleaved_batch() -> None:
    """A batch with another writer's event inside it is found, with both writers."""
    history = _history("""
        w1 0-9 append(0, a b) ok
        w2 1-2 append(1, x) ok
        final: a x b
    """)
    assert _told(checks.torn(*history)) == (
        "the 2 events of w1's batch [a, b] next to each other",
        "x stands between a and b",
        ["w1", "w2"],
    )


def test_whole_batches() -> None:
    """A batch that is all there, and one that is not there at all, are whole."""
    history = _history("""
        w1 0-9 append(0, a b) ok
        w2 1-2 append(2, x y) unknown
        final: a b
    """)
    assert checks.torn(*history) is None


def test_lost() -> None:
    """An acknowledged event that is nowhere is lost; its version is empty."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w2 2-3 append(1, b c) ok
        final: a
    """)
    assert _told(checks.lost(*history)) == (
        "b and c in the log: the append was acknowledged",
        "not there; version 2 is empty",
        ["w2"],
    )


def test_overwritten() -> None:
    """Where another event took its place, the evidence names who wrote that."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w2 0-3 append(0, b) unknown
        final: b
    """)
    assert _told(checks.lost(*history)) == (
        "a in the log: the append was acknowledged",
        "not there; version 1 holds b",
        ["w1", "w2"],
    )


def test_nothing_lost() -> None:
    """What was refused, or is unknown, may be missing."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w2 0-3 append(0, b) unknown
        w3 0-3 append(0, c) failed
        final: a
    """)
    assert checks.lost(*history) is None


def test_gap() -> None:
    """A hole below an event is found, with whoever wrote the event."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w2 2-3 append(3, b) ok
        final: 1a 4b
    """)
    assert _told(checks.gap(*history)) == (
        "an event at versions 2 to 3",
        "none, though b is at version 4",
        ["w2"],
    )


def test_gap_at_the_beginning() -> None:
    """A log that does not begin at version 1 has a gap."""
    history = _history("""
        w1 0-1 append(1, a) ok
        final: 2a
    """)
    assert _told(checks.gap(*history)) == ("an event at version 1", "none, though a is at version 2", ["w1"])


def test_no_gap() -> None:
    """Versions in a wrong order are no gap."""
    assert checks.gap([], [(2, "b"), (1, "a"), (3, "c")]) is None


def test_versions_out_of_order() -> None:
    """Events that are read in another order than their versions are found."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w2 2-3 append(1, b) ok
        final: 2b 1a
    """)
    assert _told(checks.out_of_order(*history))[:2] == (
        "a version above 2 after event b",
        "event a at version 1",
    )


def test_batch_out_of_order() -> None:
    """A batch that is stored backwards is found."""
    history = _history("""
        w1 0-1 append(0, a b) ok
        final: b a
    """)
    assert _told(checks.out_of_order(*history)) == (
        "a before b, as in w1's batch [a, b]",
        "b before a",
        ["w1"],
    )


def test_order_against_the_clock() -> None:
    """An append that was acknowledged before another was sent stands before it."""
    history = _history("""
        w1 0-1 append(1, a) ok
        w2 2-3 append(0, b) ok
        final: b a
    """)
    assert _told(checks.out_of_order(*history)) == (
        "a before b: it was acknowledged before b was sent",
        "b before a",
        ["w1", "w2"],
    )


def test_order_of_calls_side_by_side_is_free() -> None:
    """Calls that overlap may take effect in either order, and an unknown one late."""
    history = _history("""
        w1 0-3 append(1, a) ok
        w2 2-4 append(0, b) ok
        w3 0-1 append(2, c) unknown
        final: b a c
    """)
    assert checks.out_of_order(*history) is None


def test_misplaced() -> None:
    """A wrong expected version that was taken, and written at the end all the same, is found."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w2 2-3 append(5, b c) ok
        final: a b c
    """)
    assert _told(checks.misplaced(*history)) == (
        "b at version 6, next after expected version 5",
        "it is at version 2",
        ["w2"],
    )


def test_placed_by_one_of_two_tries() -> None:
    """An unknown try whose batch a later try placed is not misplaced."""
    history = _history("""
        w1 0-1 append(0, a) unknown
        w2 2-3 append(0, b) ok
        w1 4-5 append(1, a) unknown
        final: b a
    """)
    assert checks.misplaced(*history) is None


def test_made_up() -> None:
    """An event that no call carried is found, with the call whose place it has."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w2 2-3 append(1, b) unknown
        final: a z
    """)
    assert _told(checks.made_up(*history)) == (
        "no event in the log but those that were appended",
        "z at version 2, which is in no append",
        ["w2"],
    )


def test_nothing_made_up() -> None:
    """An event of a refused call is not made up; another judge asks about it."""
    history = _history("""
        w1 0-1 append(0, a) failed
        final: a
    """)
    assert checks.made_up(*history) is None


def test_refused_without_rival() -> None:
    """A lone writer at the right version has nobody to be in conflict with."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w2 2-3 append(1, b) failed
        final: a
    """)
    assert _told(checks.refused_without_rival(*history)) == (
        "accepted: the log was at version 1 from the call's start to its end",
        "refused",
        ["w2"],
    )


@pytest.mark.parametrize(
    "text",
    [
        """
        w1 0-3 append(0, a) failed
        w2 1-4 append(0, b) ok
        final: b
        """,
        """
        w1 0-1 append(0, a) ok
        w2 2-3 append(0, b) failed
        w3 2-3 append(7, c) failed
        final: a
        """,
        """
        w1 0-1 append(0, a) unknown
        w1 2-3 append(0, a) failed
        final: a
        """,
        """
        w1 0-1 append(0, a) unknown
        w2 2-3 append(0, b) failed
        final:
        """,
    ],
    ids=[
        "a rival at the same time",
        "a wrong version, low and high",
        "a rival of its own",
        "a rival that may still have been at work",
    ],
)
def test_refused_with_a_reason(text: str) -> None:
    """A refusal is right when the log was, or may have been, at another version."""
    assert checks.refused_without_rival(*_history(text)) is None


def test_wrong_read() -> None:
    """A read that shows an event where the final log has another is found, with who wrote that one."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w2 0-3 append(0, x) failed
        r1 2-3 read() ok: x
        final: a
    """)
    assert _told(checks.wrong_read(*history)) == (
        "at version 1 a, as in the final log",
        "read as x",
        ["w1", "r1"],
    )


def test_read_of_what_vanished() -> None:
    """A read that shows an event beyond the end is found."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w2 2-5 append(1, b) unknown
        r1 3-4 read() ok: a b
        final: a
    """)
    assert _told(checks.wrong_read(*history)) == (
        "at version 2 nothing, as in the final log",
        "read as b",
        ["w2", "r1"],
    )


def test_read_with_a_hole() -> None:
    """A read that leaves out an event in the middle is found."""
    history = _history("""
        w1 0-1 append(0, a b c) ok
        r1 2-3 read() ok: a c
        final: a b c
    """)
    assert _told(checks.wrong_read(*history))[:2] == ("at version 2 b, as in the final log", "read as c")


def test_right_reads() -> None:
    """A beginning of the log, the whole of it, and a part after a version are right."""
    history = _history("""
        w1 0-9 append(0, a b c) ok
        r1 1-2 read() ok:
        r1 3-4 read() ok: a b
        r2 4-5 read(1) ok: b c
        r2 6-7 read(3) ok:
        r2 8-9 read(1) unknown
        final: a b c
    """)
    assert checks.wrong_read(*history) is None


def test_stale_read_after_an_acknowledged_append() -> None:
    """A read that began after the acknowledgement, and does not show it, is found."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w2 2-3 append(1, b) ok
        r1 4-5 read() ok: a
        final: a b
    """)
    assert _told(checks.stale_read(*history)) == (
        "a read up to version 2 at least: it was there before the read began",
        "a read up to version 1",
        ["w2", "r1"],
    )


def test_stale_read_after_a_newer_one() -> None:
    """Two reads, one after the other, do not go back in time."""
    history = _history("""
        w1 0-9 append(0, a) ok
        r1 1-2 read() ok: a
        r2 3-4 read() ok:
        final: a
    """)
    assert _told(checks.stale_read(*history)) == (
        "a read up to version 1 at least: it was there before the read began",
        "a read up to no event",
        ["r1", "r2"],
    )


def test_fresh_reads() -> None:
    """A read beside an append, or beside a read, may show it or not."""
    history = _history("""
        w1 0-3 append(0, a) ok
        r1 1-4 read() ok: a
        r2 2-5 read() ok:
        r3 6-7 read(1) ok:
        final: a
    """)
    assert checks.stale_read(*history) is None


def test_all_appends_are_judged() -> None:
    """`append_log` names the anomaly that explains the others: the loser of two winners is lost too."""
    history = _history("""
        w1 0-4 append(0, a) ok
        w2 1-5 append(0, b) ok
        final: b
    """)
    finding = checks.append_log(*history)
    assert finding is not None
    assert finding.anomaly == "two winners"


ANOMALIES = {
    "two winners": "w1 0-1 append(0, a) ok\nw2 0-1 append(0, b) ok\nfinal: a b",
    "written though refused": "w1 0-1 append(0, a) failed\nfinal: a",
    "duplicate": "w1 0-1 append(0, a) ok\nfinal: a a",
    "torn batch": "w1 0-1 append(0, a b) ok\nfinal: a",
    "lost": "w1 0-1 append(0, a) ok\nfinal:",
    "gap": "w1 0-1 append(1, a) ok\nfinal: 2a",
    "out of order": "w1 0-1 append(0, a b) ok\nfinal: b a",
    "misplaced": "w1 0-1 append(1, a) ok\nfinal: a",
    "made up": "final: z",
}


@pytest.mark.parametrize(("anomaly", "text"), ANOMALIES.items(), ids=ANOMALIES.keys())
def test_every_anomaly_reaches_append_log(anomaly: str, text: str) -> None:
    """No judge of appends is forgotten, and the name is the right one."""
    finding = checks.append_log(*_history(text))
    assert finding is not None
    assert finding.anomaly == anomaly


def test_both_anomalies_of_reads_reach_reads() -> None:
    """No judge of reads is forgotten."""
    wrong = checks.reads(*_history("r1 0-1 read() ok: z\nfinal:"))
    stale = checks.reads(*_history("w1 0-1 append(0, a) ok\nr1 2-3 read() ok:\nfinal: a"))
    assert [finding.anomaly for finding in (wrong, stale) if finding] == ["wrong read", "stale read"]


def test_the_shortest_evidence_is_shown() -> None:
    """Of two losses, the one that needs fewer operations to be told is told."""
    history = _history("""
        w1 0-1 append(0, a) ok
        w2 0-2 append(0, b) unknown
        w3 3-4 append(1, c) ok
        final: b
    """)
    finding = checks.lost(*history)
    assert finding is not None
    assert [operation.process for operation in finding.evidence] == ["w3"]


def test_an_event_in_two_batches_cannot_be_judged() -> None:
    """A history that breaks the judges' condition is refused, not misjudged."""
    history = _history("""
        w1 0-1 append(0, a b) ok
        w2 2-3 append(2, b c) ok
        final: a b c
    """)
    with pytest.raises(ValueError, match="event b is in two batches, or twice in one"):
        checks.append_log(*history)


@pytest.mark.parametrize("seed", range(50))
def test_a_right_store_is_never_accused(seed: int) -> None:
    """Random races on a store that is right, with lost replies and late effects, give no finding."""
    history, final = _simulated(random.Random(seed))
    assert len(final) > 10
    assert checks.append_log(history, final) is None
    assert checks.reads(history, final) is None
    assert checks.refused_without_rival(history, final) is None


def _simulated(chance: random.Random) -> tuple[list[Operation], list[tuple[int, str]]]:
    """Sixty operations that overlap at random, each with its effect at one moment between start and end."""
    log: list[str] = []
    history: list[Operation] = []
    starts = sorted(chance.uniform(0, 100) for _ in range(60))
    calls = sorted((start + chance.uniform(0.1, 3), number, start) for number, start in enumerate(starts))
    for effect, number, start in calls:
        end = effect + chance.uniform(0.1, 3)
        if chance.random() < 0.3:
            history.append(Operation("r", "read", {}, start, end, Outcome.OK, value=list(log)))
            continue
        expected = max(0, len(log) - chance.choice([0, 0, 0, 1, 2, -1]))
        batch = [f"e{number}.{i}" for i in range(chance.choice([0, 1, 1, 2, 3]))]
        outcome = Outcome.OK if expected == len(log) else Outcome.FAILED
        reached = chance.random() < 0.8
        if outcome is Outcome.OK and reached:
            log += batch
        if not reached or chance.random() < 0.2:
            outcome, end = Outcome.UNKNOWN, start + (end - start) * chance.random()
        history.append(
            Operation("w", "append", {"expected_version": expected, "batch": batch}, start, end, outcome)
        )
    return history, list(enumerate(log, start=1))


# --- how a finding is told -----------------------------------------------------------------------------


def test_timeline() -> None:
    """A step for each operation, ordered by start, times from the first in milliseconds."""
    finding = checks.two_winners(
        *_history("""
        w1 100-104 append(0, a) ok
        w2 101-105 append(0, b) ok
        final: b
    """)
    )
    assert finding is not None
    assert checks.timeline(reversed(finding.evidence)) == (
        Step("w1", "append(0, [a])", 0.0, 4.0, "ok", "ok"),
        Step("w2", "append(0, [b])", 1.0, 5.0, "ok", "ok"),
    )


def test_timeline_tells_how_operations_ended() -> None:
    """What a read returned, why a call was refused, and that one has not ended."""
    operations, _ = _history("""
        w1 0-1 append(0, a) failed
        r1 2-3 read() ok: a b
        w2 4- append(0, b) unknown
        w3 5-6 append(0, c) unknown
        final:
    """)
    assert [(step.outcome, step.end_ms, step.said) for step in checks.timeline(operations)] == [
        ("failed", 1.0, "failed: ConcurrencyError: refused"),
        ("ok", 3.0, "ok: [a, b]"),
        ("unknown", None, "has not ended"),
        ("unknown", 6.0, "unknown"),
    ]


def test_timeline_is_brief() -> None:
    """Of a long batch the beginning is shown, of a UUID the first block, of a long text both ends."""
    batch = [f"0f8fad5{i}-d9cb-469f-a165-708677289501" for i in range(9)]
    operation = Operation("w", "append", {"stream": "order-" + "7" * 30, "batch": batch}, 0, 1, Outcome.OK)
    (step,) = checks.timeline([operation])
    expected = "append(order-7…7777777, [0f8fad50, 0f8fad51, 0f8fad52, 0f8fad53, … 5 more])"
    assert step.call == expected


def test_timeline_shows_the_first_line_of_an_error() -> None:
    """An error of many lines, or of a very long one, takes no more than its place."""
    told = f"ClientError: {'x' * 200}\nand more"
    (step,) = checks.timeline([Operation("w", "append", {}, 0, 1, Outcome.UNKNOWN, error=told)])
    assert step.said == f"unknown: ClientError: {'x' * 46}…"


def test_timeline_without_evidence() -> None:
    """A finding about an event that nobody wrote has no operation to show."""
    assert checks.timeline(()) == ()


def test_a_finding_becomes_a_mistake() -> None:
    """The message of a failed criterion holds the operations that show it."""
    finding = checks.lost(*_history("w1 0-1 append(0, a) ok\nfinal:"))
    assert finding is not None
    mistake = finding.mistake("16 racing writers", perhaps="the write has no condition")
    assert (mistake.checked, mistake.expected, mistake.got, mistake.perhaps) == (
        "16 racing writers",
        "a in the log: the append was acknowledged",
        "not there; version 1 is empty",
        "the write has no condition",
    )
    assert mistake.timeline == (Step("w1", "append(0, [a])", 0.0, 1.0, "ok", "ok"),)
