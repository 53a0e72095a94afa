"""
What happened in a run, in the order in which it began: operations with start, end and outcome.

A history only records; `checks` judges. It knows nothing of what the operations mean.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import count
from typing import Any, Self


class Outcome(StrEnum):
    """What is known of an operation's effect. A write that timed out is `UNKNOWN`: it may have happened."""

    OK = "ok"
    FAILED = "failed"  # definitely without effect: refused
    UNKNOWN = "unknown"  # it may or may not have had its effect, or may have it later


@dataclass(frozen=True)
class Operation:
    """
    One call, as its caller saw it.

    Args:
        process: Who called: a writer, a thread, a process, such as `"w1"`. It does one thing at a time.
        name: What was called, such as `"append"`.
        args: What it was called with, by name; values that JSON knows.
        start: Seconds on the monotonic clock, read just before the call.
        end: The same, just after it; `math.inf` (`null` in JSON) while it runs.
        outcome: Whether it had its effect.
        value: What it returned; `None` unless `ok`.
        error: Type and text of the exception, `"ConcurrencyError: …"`; `None` if there was none.
        exception: The exception itself, for whoever wants to raise it again; not in JSON.
    """

    process: str
    name: str
    args: Mapping[str, Any]
    start: float
    end: float
    outcome: Outcome
    value: Any = None
    error: str | None = None
    exception: BaseException | None = field(default=None, compare=False, repr=False)


@dataclass
class Call:
    """An operation under way; whoever makes the call puts what it returned into `value`."""

    value: Any = None


class History:
    """
    An append-only record of operations, safe to use from many threads at once.

    Iterating gives the operations ordered by their start. One that was begun and has not ended is
    among them as `unknown`, so that a call that hangs is not forgotten.

    Args:
        failed: Exceptions that say that an operation had no effect; after any other it is `unknown`.
        operations: Operations recorded earlier, or written by hand.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        *,
        failed: tuple[type[BaseException], ...] = (),
        operations: Iterable[Operation] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failed = failed
        self._clock = clock
        self._lock = threading.Lock()
        self._numbers = count()
        self._recorded = {next(self._numbers): operation for operation in operations}

    def run(self, process: str, name: str, call: Callable[[], Any], /, **args: Any) -> Operation:
        """
        Make the call *call()*, record it, and return the operation, whatever came of it.

        An `Exception` is recorded and not raised; others, such as `KeyboardInterrupt`, are both.

        >>> history = History(failed=(ValueError,))
        >>> history.run("w1", "append", lambda: int("x"), expected_version=0).outcome
        <Outcome.FAILED: 'failed'>
        """
        number = self._begin(process, name, args)
        try:
            value = call()
        except BaseException as problem:
            operation = self._end(number, problem=problem)
            if not isinstance(problem, Exception):
                raise
            return operation
        return self._end(number, value=value)

    @contextmanager
    def recording(self, process: str, name: str, /, **args: Any) -> Iterator[Call]:
        """Record the body of a `with` as one operation; an exception is recorded and goes on."""
        number = self._begin(process, name, args)
        call = Call()
        try:
            yield call
        except BaseException as problem:
            self._end(number, problem=problem)
            raise
        self._end(number, value=call.value)

    def where(self, **args: Any) -> History:
        """The part of this history whose operations were called with these arguments, as it is now."""
        chosen = [o for o in self if all(o.args.get(name) == value for name, value in args.items())]
        return History(failed=self._failed, operations=chosen, clock=self._clock)

    def __iter__(self) -> Iterator[Operation]:
        with self._lock:
            recorded = list(self._recorded.values())
        return iter(sorted(recorded, key=lambda operation: operation.start))

    def __len__(self) -> int:
        return len(self._recorded)

    def to_jsonl(self) -> str:
        """One JSON object a line, ordered by start; a value that JSON does not know is its `repr`."""
        return "".join(json.dumps(_plain(operation), default=repr) + "\n" for operation in self)

    @classmethod
    def from_jsonl(cls, text: str) -> Self:
        """
        The history that `to_jsonl` wrote; tuples have become lists.

        Raises:
            ValueError: A line is not JSON, or not an operation; says which.
        """
        return cls(operations=[_operation(line, n) for n, line in enumerate(text.splitlines(), start=1)])

    def _begin(self, process: str, name: str, args: Mapping[str, Any]) -> int:
        with self._lock:
            number, now = next(self._numbers), self._clock()
            self._recorded[number] = Operation(process, name, args, now, math.inf, Outcome.UNKNOWN)
            return number

    def _end(self, number: int, *, value: Any = None, problem: BaseException | None = None) -> Operation:
        operation = replace(
            self._recorded[number],
            end=self._clock(),
            outcome=self._outcome(problem),
            value=value,
            error=None if problem is None else f"{type(problem).__name__}: {problem}",
            exception=problem,
        )
        with self._lock:
            self._recorded[number] = operation
        return operation

    def _outcome(self, problem: BaseException | None) -> Outcome:
        if problem is None:
            return Outcome.OK
        return Outcome.FAILED if isinstance(problem, self._failed) else Outcome.UNKNOWN


_IN_JSON = ("process", "name", "args", "start", "end", "outcome", "value", "error")


def _plain(operation: Operation) -> dict[str, Any]:
    plain = {name: getattr(operation, name) for name in _IN_JSON}
    return plain | {"end": None if math.isinf(operation.end) else operation.end}


def _operation(line: str, number: int) -> Operation:
    try:
        plain = json.loads(line)
        end = math.inf if plain["end"] is None else float(plain["end"])
        return Operation(**plain | {"end": end, "outcome": Outcome(plain["outcome"])})
    except (ValueError, TypeError, KeyError) as problem:
        raise ValueError(f"line {number} of the history is not an operation: {problem}") from problem
