"""Don't change this file: how the checks of lab 3 look at what your code returns and raises."""

import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from labs.lab3 import events
from labs.lab3.errors import ConcurrencyError
from labs.lab3.events import Event, ItemAdded
from pytest_labkit import expect
from pytest_labkit.checks.calls import raised_by

DEADLINE_S = 30.0


def items(count: int, *, start: int = 1, order_id: str = "1", size: int = 0) -> list[ItemAdded]:
    """
    *count* events that all differ; *size* more characters in each, random hexadecimal digits.

    Their time is a whole second: what becomes of microseconds is for A5 to see, and for nobody else.
    """
    chance = random.Random(events.uuid4().int)  # as the ids of events, it follows from the run's seed
    at = datetime.now(UTC).replace(microsecond=0)
    return [
        ItemAdded(
            order_id=order_id,
            item_id=f"item-{number}" + chance.randbytes(size // 2 + 1).hex()[:size],
            quantity=number,
            occurred_at=at,
        )
        for number in range(start, start + count)
    ]


def same_events(
    expected: Sequence[Event], got: Any, *, first_version: int = 1, perhaps: str | None = None
) -> None:
    """*got* is a list of the *expected* events, in that order, numbered from *first_version*."""
    found = as_list(got)
    numbers = [f"{type(event).__name__} v{getattr(event, 'version', '?')}" for event in found]
    expect(
        len(found) == len(expected),
        expected=f"{len(expected)} events",
        got=f"{len(found)} events" + (f": {_short(numbers)}" if found else ""),
        perhaps=perhaps,
    )
    for version, (one, other) in enumerate(zip(expected, found, strict=True), first_version):
        _same_event(one, other, version, perhaps)


def _same_event(expected: Event, got: Any, version: int, perhaps: str | None) -> None:
    name = type(expected).__name__
    expect(
        type(got) is type(expected),
        expected=f"an event of the class {name} at version {version}",
        got=f"a {type(got).__name__}",
        perhaps=perhaps or "what is stored must say which of the classes in events.py it was",
    )
    fields = vars(got)
    for field, value in {**vars(expected), "version": version}.items():
        found = fields.get(field)
        expect(
            exactly(value, found),
            expected=f"{name}.{field} at version {version} to be {value!r}",
            got=f"{found!r} ({type(found).__name__})",
            perhaps=perhaps or _usual_cause(field),
        )


def exactly(expected: Any, got: Any) -> bool:
    """Equal and of the very same type; for times the same instant, with a zone."""
    if type(got) is not type(expected):
        return False
    if isinstance(expected, datetime) and (expected.tzinfo is None) != (got.tzinfo is None):
        return False
    return bool(expected == got)


def _usual_cause(field: str) -> str:
    if field == "occurred_at":
        return "the time lost its microseconds or its zone on the way, or was made anew when it was read"
    if field == "version":
        return "version is set by the store on what it returns: 1 for the first event of a stream"
    return "an event must come back with the very values that it was stored with"


def as_list(got: Any) -> list[Any]:
    """*got*, which has to be a list."""
    expect(
        type(got) is list,
        expected="a list of events",
        got=f"a {type(got).__name__}",
        perhaps="get_events returns a list, an empty one for a stream without events",
    )
    return got


def versions(got: Any) -> list[Any]:
    """The versions of the events that were returned."""
    return [_plain(getattr(event, "version", None), int) for event in as_list(got)]


def ids(got: Any) -> list[Any]:
    """The event ids of the events that were returned."""
    return [_plain(getattr(event, "event_id", None), str) for event in as_list(got)]


def _plain(value: Any, kind: type) -> Any:
    """*value* if it is just that *kind*, else its `repr`: nothing whose `==` could lie."""
    return value if type(value) is kind else repr(value)


def conflict(call: Callable[[], Any], aggregate_id: str, expected_version: int, actual_version: int) -> None:
    """*call* raises a `ConcurrencyError` that names the stream, and both versions."""
    is_conflict(raised_by(call), aggregate_id, expected_version, actual_version)


def is_conflict(
    error: Exception | None, aggregate_id: str, expected_version: int, actual_version: int
) -> None:
    """*error* is a `ConcurrencyError` that names the stream, and both versions."""
    expect(
        type(error) is ConcurrencyError,
        expected=f"ConcurrencyError, for {aggregate_id} is at {actual_version}, not at {expected_version}",
        got=told(error),
        perhaps=_no_conflict(expected_version, actual_version) if error is None else None,
    )
    named = [getattr(error, name, None) for name in ("aggregate_id", "expected_version", "actual_version")]
    wanted = [aggregate_id, expected_version, actual_version]
    expect(
        all(exactly(one, other) for one, other in zip(wanted, named, strict=True)),
        expected="ConcurrencyError({!r}, {}, {})".format(*wanted),
        got="ConcurrencyError({!r}, {!r}, {!r})".format(*named),
        perhaps="actual_version is the version of the stream's last event, read after the conflict",
    )


def _no_conflict(expected: int, actual: int) -> str:
    if expected > actual:
        return "beyond the end no item is in the way: a condition on the new item alone does not notice"
    return "the condition looks at a key that this writer does not share with those who came before"


def told(error: Exception | None) -> str:
    """What was raised, in a line."""
    return "no exception" if error is None else f"{type(error).__name__}: {str(error)[:200]}"


def unchanged(before: list[Any], after: list[Any], *, perhaps: str | None = None) -> None:
    """The items of the table are what they were, byte for byte."""
    expect(
        before == after,
        expected=f"the table as it was before the call, with {len(before)} items",
        got=f"{len(after)} items" if len(before) != len(after) else "an item with other contents",
        perhaps=perhaps or "something is written before it is known whether the call may go ahead",
    )


def has_room(items_: Iterable[dict[str, Any]], least: int, *, perhaps: str | None = None) -> None:
    """
    The items of the table have *least* bytes of content or more.

    Events with so many random bytes cannot be in fewer: whoever keeps them in memory or in a file, and
    only a reference in the table, is found out.
    """
    room = sum(map(_size, items_))
    expect(
        room >= least,
        expected=f"at least {least:,} bytes in the table: there are as many random ones in the events",
        got=f"{room:,} bytes",
        perhaps=perhaps or "the events are kept somewhere else than in DynamoDB",
    )


def _size(value: Any) -> int:
    """The bytes of a typed DynamoDB value or item, roughly: names are not counted."""
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    if isinstance(value, list):
        return sum(map(_size, value))
    return len(value) if isinstance(value, bytes | str) else 0


def at_once(calls: Iterable[Callable[[], Any]]) -> list[Any]:
    """The results of *calls*, made by a thread each, all let go at the same moment."""
    calls = list(calls)
    gate = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(number: int, call: Callable[[], Any]) -> None:
        gate.wait(DEADLINE_S)
        results[number] = call()

    threads = [in_background(lambda n=n, c=c: run(n, c)) for n, c in enumerate(calls)]
    join(threads)
    return results


def in_background(call: Callable[[], Any]) -> threading.Thread:
    """A thread that runs *call*, and does not keep the process from ending."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def join(threads: Iterable[threading.Thread]) -> None:
    """Wait until all *threads* have ended."""
    end = time.monotonic() + DEADLINE_S
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
        expect(
            not thread.is_alive(),
            expected=f"every call to end within {DEADLINE_S:g} s",
            got="a call that still runs",
            perhaps="a loop tries again and again what cannot succeed",
        )


def until(condition: Callable[[], bool]) -> bool:
    """Wait for *condition*, `False` if it does not come true in time."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def _short(values: list[Any]) -> str:
    shown = ", ".join(str(value) for value in values[:6])
    return shown + (f", … {values[-1]}" if len(values) > 6 else "")
