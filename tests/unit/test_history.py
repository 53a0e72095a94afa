"""The record of a run: what was called, when, and what is known of how it ended."""

from __future__ import annotations

import math
import threading

import pytest

from pytest_labkit.checks.history import History, Operation, Outcome


class Refused(Exception):
    """Says for certain that nothing was written."""


class FakeClock:
    """Seconds that go on by one at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def history() -> History:
    return History(failed=(Refused,), clock=FakeClock())


def _raise(problem: BaseException) -> None:
    raise problem


def test_a_call_that_returns_is_ok(history: History) -> None:
    """The operation holds who, what, with which arguments, from when to when, and what came back."""
    operation = history.run("w1", "append", lambda: 42, expected_version=0, batch=["a"])
    assert operation == Operation(
        "w1", "append", {"expected_version": 0, "batch": ["a"]}, 1.0, 2.0, Outcome.OK, value=42
    )
    assert list(history) == [operation]


def test_a_definite_failure_is_failed(history: History) -> None:
    """An exception that the caller calls definite is a failure; its type and text are kept, and it itself."""
    problem = Refused("expected 0, is 3")
    operation = history.run("w1", "append", lambda: _raise(problem))
    assert operation.outcome == "failed"
    assert operation.error == "Refused: expected 0, is 3"
    assert operation.exception is problem


def test_a_subclass_of_a_definite_failure_is_failed(history: History) -> None:
    """What holds for an exception holds for its special cases."""

    class RefusedAgain(Refused):
        pass

    assert history.run("w1", "append", lambda: _raise(RefusedAgain())).outcome == "failed"


def test_any_other_exception_leaves_it_unknown(history: History) -> None:
    """A timeout does not say whether the write happened."""
    operation = history.run("w1", "append", lambda: _raise(TimeoutError("no reply")))
    assert operation.outcome == "unknown"
    assert operation.error == "TimeoutError: no reply"
    assert operation.value is None


def test_an_interrupt_is_recorded_and_goes_on(history: History) -> None:
    """Ctrl-C ends the run, and the call that it met is in the record."""
    with pytest.raises(KeyboardInterrupt, match="stop"):
        history.run("w1", "append", lambda: _raise(KeyboardInterrupt("stop")))
    assert [operation.outcome for operation in history] == ["unknown"]


def test_a_body_is_recorded(history: History) -> None:
    """`with` records what its body did, and the value that the body put into it."""
    with history.recording("r1", "read", from_version=2) as call:
        call.value = ["c"]
    assert list(history) == [Operation("r1", "read", {"from_version": 2}, 1.0, 2.0, Outcome.OK, value=["c"])]


def test_an_exception_in_a_body_is_recorded_and_goes_on(history: History) -> None:
    """`with` hides nothing from the test."""
    with pytest.raises(Refused, match="no"), history.recording("w1", "append"):
        raise Refused("no")
    assert [operation.outcome for operation in history] == ["failed"]


def test_a_call_that_hangs_is_not_forgotten(history: History) -> None:
    """An operation that was begun and has not ended is there, unknown and without end."""
    release, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        release.wait(10)

    thread = threading.Thread(target=history.run, args=("w1", "append", hang))
    thread.start()
    assert begun.wait(10)
    (operation,) = history
    assert (operation.outcome, operation.end) == ("unknown", math.inf)
    release.set()
    thread.join(10)

    assert [operation.outcome for operation in history] == ["ok"]


def test_operations_are_ordered_by_start(history: History) -> None:
    """A call inside another ends first and began second."""
    history.run("w1", "outer", lambda: history.run("w2", "inner", lambda: None))
    assert [operation.name for operation in history] == ["outer", "inner"]


def test_many_threads_lose_nothing() -> None:
    """Every call of eight threads is recorded once, with what it returned."""
    history = History()
    together = threading.Barrier(8)

    def work(process: int) -> None:
        together.wait(10)
        for number in range(200):
            history.run(f"w{process}", "append", lambda number=number: number, number=number)

    threads = [threading.Thread(target=work, args=(process,)) for process in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(history) == 1600
    assert {(o.process, o.args["number"], o.value) for o in history} == {
        (f"w{process}", number, number) for process in range(8) for number in range(200)
    }
    assert all(o.start <= o.end for o in history)


def test_a_part_of_a_history(history: History) -> None:
    """`where` keeps the operations with these arguments, such as those on one of many streams."""
    for stream in ("a", "b", "a"):
        history.run("w1", "append", lambda: None, stream=stream)
    assert [operation.args["stream"] for operation in history.where(stream="a")] == ["a", "a"]
    assert len(history.where(stream="c")) == 0


def test_json_lines_and_back(history: History) -> None:
    """What was written and read again is the same, a line an operation, one without end included."""
    history.run("w1", "append", lambda: {"ok": [1, "größer"]}, batch=["a"])
    history.run("w2", "append", lambda: _raise(Refused("no\nreally")))
    open_ended = Operation("w3", "append", {}, 9.0, math.inf, Outcome.UNKNOWN)
    written = History(operations=[*history, open_ended]).to_jsonl()

    assert len(written.splitlines()) == 3
    assert list(History.from_jsonl(written)) == [*history, open_ended]
    assert "Infinity" not in written


def test_a_value_that_json_does_not_know_is_shown(history: History) -> None:
    """It is written as its `repr`, rather than that the record is lost."""
    history.run("w1", "read", lambda: {1, 2})
    (operation,) = History.from_jsonl(history.to_jsonl())
    assert operation.value == "{1, 2}"


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"process": "w1"}', '{"end": 1, "outcome": "maybe"}'],
    ids=["no JSON", "no object", "a part", "a wrong outcome"],
)
def test_a_line_that_is_no_operation(history: History, line: str) -> None:
    """A broken record is refused, with the number of its line."""
    history.run("w1", "read", lambda: None)
    with pytest.raises(ValueError, match="line 2 of the history is not an operation: "):
        History.from_jsonl(history.to_jsonl() + line)
