"""Reports as runs of lab 3 leave them, for the tests of every format."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pytest_labkit.domain.model import (
    AnswerFile,
    Criterion,
    CriterionResult,
    Lab,
    Measurement,
    Message,
    Part,
    Report,
    ServiceInfo,
    Status,
    Step,
    Verdict,
)

TITLES = {
    "A1": "Append and read back in order",
    "A2": "Concurrency control",
    "A3": "Batches are atomic",
    "A4": "Order and from_version over many pages",
    "A5": "Avro schemas refuse a bad event before it is written",
    "A6": "The aggregate applies events and refuses impossible ones",
    "A7": "10,000 events a second, durable and read back",
}
POINTS = {"A1": 4, "A2": 8, "A3": 6, "A4": 5, "A5": 5, "A6": 4, "A7": 8}

STALE_WRITER = Message(
    checked="8 writers append to order-17 at version 40, all at the same moment",
    expected="1 of them wins, 7 get ConcurrencyError, and the stream is at 41",
    got="3 of them won: 41 was written by writer 2, then by writer 5, then by writer 7",
    perhaps="the version is read first and written later, with no condition on the write itself",
    look_at="/home/ann/course/labs/lab3/event_store.py:41",
    timeline=(
        Step("writer 2", "append(order-17, 40, [0f8fad5b])", 0.0, 4.1, "ok", "ok"),
        Step("writer 5", "append(order-17, 40, [7c9e6679])", 0.3, 5.2, "ok", "ok"),
    ),
)
UNTOUCHED = Message(
    checked="EventStore().append_events and get_events on a new stream",
    expected="three events, in the order they were appended",
    got="NotImplementedError: the stub is as it was given",
    look_at="/home/ann/course/labs/lab3/event_store.py:63",
)
NOT_SELECTED = Message(checked="nothing", expected="a run", got="not selected")

FAST = Measurement(
    "throughput", 18412.3, "events/s", ">= 10000", True, (17210.0, 18412.3, 19003.5), reference=21950.0
)
SLOW_MACHINE = Measurement(
    "throughput",
    6230.0,
    "events/s",
    ">= 10000",
    True,
    (6011.0, 6230.0, 6544.0),
    reference=7105.0,
    note="Judged by ratio: the reference reached 7,105 events/s here; 0.5 of it is enough, this is 0.88.",
)


def lab(points: dict[str, int] = POINTS, titles: dict[str, str] = TITLES) -> Lab:
    """Lab 3, part A, in a project of its own."""
    criteria = tuple(Criterion(id_, id_[0], titles[id_], points[id_]) for id_ in points)
    return Lab(
        id="lab3",
        title="Event sourcing",
        folder=Path("/home/ann/course/labs/lab3"),
        package="labs.lab3",
        parts=(Part("A", "Event store", 35),),
        criteria=criteria,
        services=("dynamodb",),
        answers=("schemas/*.avsc", "event_store.py", "order.py"),
    )


def report(
    verdicts: str,
    *,
    messages: dict[str, Message] | None = None,
    measurements: dict[str, Measurement] | None = None,
    **changes: object,
) -> Report:
    """A report with these verdicts for A1, A2 …; the rest as a quiet run leaves it."""
    of = lab()
    results = tuple(
        CriterionResult(
            criterion,
            Verdict(verdict),
            duration_s=0.4,
            message=(messages or {}).get(criterion.id),
            measurements=tuple(m for id_, m in (measurements or {}).items() if id_ == criterion.id),
        )
        for criterion, verdict in zip(of.criteria, verdicts.split(), strict=True)
    )
    quiet = Report(
        lab=of,
        kit_version="0.1.0",
        status=Status.COMPLETE,
        started_at=datetime(2026, 11, 23, 10, 0, tzinfo=UTC),
        duration_s=12.34,
        door="direct",
        seed=407,
        results=results,
        services={"dynamodb": ServiceInfo("3.1.0", "local", 1.62)},
        machine={"system": "Linux 6.1 x86_64", "python": "3.11.2", "cores": 2, "memory_gib": 24.0},
        answers=(
            AnswerFile("event_store.py", "a1" * 32, Path("/home/ann/course/labs/lab3/event_store.py")),
            AnswerFile("order.py", "0b" * 32, Path("/home/ann/course/labs/lab3/order.py")),
        ),
        next_step="open labs/lab3/event_store.py",
    )
    return replace(quiet, **changes)


def all_passed() -> Report:
    """Everything is done, and quicker than it must be."""
    return report(
        "passed passed passed passed passed passed passed",
        measurements={"A7": FAST},
        next_step="Part A is done. Go on with part B: labs/lab3/README.md",
    )


def stubs() -> Report:
    """Nothing is begun."""
    return report(
        "todo todo todo todo todo todo todo",
        messages=dict.fromkeys(TITLES, UNTOUCHED),
        next_step="write append_events in labs/lab3/event_store.py, then run: pytest labs/lab3",
    )


def half_done() -> Report:
    """Three passed, one failed, three not begun."""
    return report(
        "passed failed passed passed todo todo todo",
        messages={"A2": STALE_WRITER, **dict.fromkeys(["A5", "A6", "A7"], UNTOUCHED)},
        next_step="labkit hint lab3 A2",
        ignored=("conftest.py", "boto3.py"),
        notes=(
            "Door direct: a student's file could have changed the checks. Grading uses --lab-door process.",
        ),
    )


def failed_twice() -> Report:
    """Two failures and an error, one of them explained, with nothing to measure by."""
    lost = Message("a batch of 150 events", "all of them, or none", "100 of 150 events can be read")
    died = Message(
        "Order().apply_event(OrderCreated)", "the state after it", "KeyError: 'status'\n  in order.py"
    )
    return report(
        "passed failed failed passed passed error blocked",
        messages={
            "A2": replace(STALE_WRITER, perhaps=None, look_at=None),
            "A3": lost,
            "A6": died,
            "A7": Message("the rate of append_events", "A2 passed", "blocked by A2"),
        },
        next_step="labkit hint lab3 A2",
    )


def slow_machine() -> Report:
    """Passed on a machine where the model answer itself misses the target."""
    return report(
        "passed passed passed passed passed passed passed",
        measurements={"A7": SLOW_MACHINE},
        notes=("A7 was judged by ratio: this machine is too slow, the model answer reached 7,105 events/s.",),
        next_step="Part A is done. Go on with part B: labs/lab3/README.md",
    )


def service_broke() -> Report:
    """DynamoDB went away in the middle."""
    gone = Message(
        checked="DynamoDB with a real put and get",
        expected="an answer within 5 s",
        got="dynamodb ended with exit status 137",
        perhaps="the machine ran out of memory",
    )
    return report(
        "passed passed unknown unknown unknown unknown unknown",
        messages=dict.fromkeys(["A3", "A4", "A5", "A6", "A7"], gone),
        status=Status.UNKNOWN,
        notes=("dynamodb died during A3: exit status 137. Its last log line: OutOfMemoryError.",),
        next_step="labkit doctor, then: pytest labs/lab3",
    )


def one_criterion() -> Report:
    """A run of A1 alone."""
    return report(
        "passed unknown unknown unknown unknown unknown unknown",
        messages=dict.fromkeys(["A2", "A3", "A4", "A5", "A6", "A7"], NOT_SELECTED),
        status=Status.INCOMPLETE,
        next_step="pytest labs/lab3",
    )


SAMPLES = {
    sample.__name__: sample
    for sample in (all_passed, stubs, half_done, failed_twice, slow_machine, service_broke, one_criterion)
}
