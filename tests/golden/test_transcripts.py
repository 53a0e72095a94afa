"""
What a student sees, whole: `transcripts/` holds what `pytest labs/lab3` prints in each case.

LABKIT_RECORD=1 writes them anew, for the diff to be read. Times, ports, ids and paths are words there.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.golden.course import Course, Edit, steady

MOST_ROWS, COLUMNS = 25, 80
TRANSCRIPTS = Path(__file__).with_name("transcripts")
STORE, ORDER = "event_store.py", "order.py"
MODEL = (STORE, ORDER, "schemas/OrderCreated.avsc", "schemas/ItemAdded.avsc", "schemas/OrderConfirmed.avsc")
READ = "        events: list[Event] = []\n"
ENCODE = "        batch = encoded(events)\n"
READ_FIRST = "if not (events and self._is_known_end(aggregate_id, expected_version)):", "if True:"
CONDITION = ', ConditionExpression="attribute_not_exists(version)"'


@dataclass(frozen=True)
class Case:
    """A state of a student's files: the model answers to *solved*, then *edits*; and how the run ends."""

    name: str
    status: int
    solved: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    options: tuple[str, ...] = ()
    doors: tuple[str, ...] = ("direct",)


NOISE = (
    ENCODE
    + """        import sys
        for number in range(10_000):
            print(f"\\x1b[31mappending {number}\\x1b[0m", file=(sys.stdout, sys.stderr)[number % 2])
        sys.stdout.flush()
        import os
        os.write(1, b"\\xff\\xfe no text \\x00\\x1b]0;title\\x07")
        if len(events) > 1:
            raise RuntimeError("\\x1b[31mbroken\\x1b[0m \\udcff \\x00\\n" + "and more\\n" * 10_000)
"""
)
KILLED = (
    ENCODE
    + """        import os, psutil
        port = int(os.environ["AWS_ENDPOINT_URL_DYNAMODB"].rpartition(":")[2])
        for process in psutil.process_iter():
            if aggregate_id == "order-1" and any(c.laddr.port == port for c in _listening(process)):
                process.kill()
                process.wait()
"""
)
LISTENING = """def _listening(process):
    import psutil
    try:
        return [c for c in process.net_connections() if c.status == psutil.CONN_LISTEN]
    except psutil.Error:
        return []


class EventStore:
"""

CASES = (
    Case("untouched", 1, doors=("direct", "process")),
    Case(
        "half_done",
        1,
        (STORE, *MODEL[2:]),
        (Edit(STORE, READ, '        raise NotImplementedError("TODO A4: get_events")\n'),),
        ("--lab-criterion", "A1", "--lab-criterion", "A2", "--lab-criterion", "A6"),
    ),
    Case(
        "wrong", 1, MODEL, (Edit(STORE, CONDITION, ""), Edit(STORE, *READ_FIRST)), ("--lab-criterion", "A2")
    ),
    Case(
        "import_error",
        1,
        MODEL,
        (Edit(STORE, "import fastavro\n", "import avro\nimport fastavro\n"),),
        doors=("direct", "process"),
    ),
    Case("syntax_error", 1, MODEL, (Edit(STORE, "def key(aggregate_id: str,", "def key(aggregate_id: str"),)),
    Case(
        "hang",
        1,
        MODEL,
        (
            Edit(STORE, ENCODE, "        while True:\n            pass\n"),
            Edit("lab.toml", "time_limit_s = 45", "time_limit_s = 3"),
        ),
        ("--lab-criterion", "A1"),
        ("direct", "process"),
    ),
    Case(
        "noisy",
        1,
        MODEL,
        (Edit(STORE, ENCODE, NOISE),),
        ("--lab-criterion", "A1"),
        ("direct", "process"),
    ),
    Case(
        "service_killed",
        20,
        MODEL,
        (Edit(STORE, ENCODE, KILLED), Edit(STORE, "class EventStore:\n", LISTENING)),
        ("--lab-backend", "local", "--lab-criterion", "A1", "--lab-criterion", "A4"),
    ),
    Case(
        "slow_machine",
        22,
        MODEL,
        (Edit("lab.toml", "throughput >= 10000 ", "throughput >= 1000000 "),),
        ("--lab-criterion", "A7"),
    ),
)
RUNS = [(case, door) for case in CASES for door in case.doors]


@pytest.mark.parametrize(("case", "door"), RUNS, ids=[f"{case.name}-{door}" for case, door in RUNS])
def test_student_sees_what_is_recorded(case: Case, door: str, course: Course) -> None:
    """The whole output is as recorded, fits a screen of 25 lines, and names the next step."""
    course.solve(*case.solved)
    for edit in case.edits:
        course.edit(edit)
    run = course.check("--lab-door", door, *case.options)
    output = run.stdout.decode("utf-8")
    print(output)
    assert case.status == run.returncode
    assert MOST_ROWS >= sum(max(1, math.ceil(len(line) / COLUMNS)) for line in output.strip().splitlines())
    assert [] == [word for word in ("Traceback", "site-packages", "\x1b", "\x00") if word in output]
    assert any(line.startswith("next: ") for line in output.splitlines())
    shown = steady(output, course.root)
    golden = TRANSCRIPTS / f"{case.name}.{door}.txt"
    if os.environ.get("LABKIT_RECORD") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown, "utf-8")
    assert golden.read_text("utf-8") == shown
