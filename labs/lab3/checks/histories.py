"""Don't change this file: what writers and readers did, recorded first and judged afterwards."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from labs.lab3.checks.checking import ids, versions
from labs.lab3.errors import ConcurrencyError
from labs.lab3.events import Event
from pytest_labkit import checks, expect
from pytest_labkit.checks import Finding
from pytest_labkit.checks.history import History, Operation, Outcome

PAUSE_S = 0.001  # between two reads of one reader

_CAUSES = {
    "two winners": "the version was read first, and the write has no condition to stop a second one",
    "written though refused": "part of the batch was written before the conflict was noticed",
    "duplicate": "a write was sent again though the first had got through",
    "torn batch": "the batch is written by several requests, and somebody came in between",
    "lost": "an acknowledged event was overwritten: the write needs a condition",
    "gap": "a version beyond the end of the stream was accepted",
    "refused without a rival": "a write that another one got in the way of may be tried again",
    "wrong read": "an event can be read before it is certain that its batch is stored",
}


class Calls:
    """Calls of `append_events` and `get_events`, and what must hold of them."""

    def __init__(self) -> None:
        self._history = History(failed=(ConcurrencyError,))

    def append(
        self, writer: str, store: Any, stream: str, expected_version: int, events: Sequence[Event]
    ) -> Operation:
        """Append, and go on whatever was raised."""
        return self._history.run(
            writer,
            "append",
            lambda: store.append_events(stream, expected_version, list(events)),
            stream=stream,
            expected_version=expected_version,
            batch=[event.event_id for event in events],
        )

    def keep_reading(self, reader: str, store: Any, stream: str, done: threading.Event) -> None:
        """Read again and again until *done*, with a pause that keeps the history of quick answers short."""
        while not done.wait(PAUSE_S):
            self._history.run(reader, "read", lambda: ids(store.get_events(stream)), stream=stream)

    def judge(self, stream: str, final: Any) -> None:
        """One winner a version, no gap, nothing acknowledged lost, nothing of a refused call stored."""
        history = self._history.where(stream=stream)
        for operation in (o for o in history if o.outcome is Outcome.UNKNOWN):
            got = f"{operation.name} by {operation.process}: {operation.error}"
            expected = "each call to return, or to raise ConcurrencyError"
            raise Finding("unclear", expected, got, (operation,)).mistake()
        log = list(zip(versions(final), ids(final), strict=True))
        expect.equal([*range(1, len(log) + 1)], [version for version, _ in log])
        finding = (
            checks.append_log(history, log)
            or checks.refused_without_rival(history, log)
            or checks.reads(history, log)
        )
        if finding is not None:
            raise finding.mistake(
                f"every call of a race for {stream}, and the stream in the end",
                _CAUSES.get(finding.anomaly),
            )
        _errors_are_true(history)


def _errors_are_true(history: History) -> None:
    """Each refused writer was told a version that the stream was at, and not the one it expected."""
    appends = [operation for operation in history if operation.name == "append"]
    ends = {o.args["expected_version"] + len(o.args["batch"]) for o in appends if o.outcome is Outcome.OK}
    for operation in appends:
        expected = operation.args["expected_version"]
        if isinstance(operation.exception, ConcurrencyError):
            actual = operation.exception.actual_version
            if actual not in ends or actual == expected:
                raise Finding(
                    "untrue error",
                    f"actual_version to be one of {sorted(ends - {expected})}",
                    f"{actual!r}, from a writer who expected {expected}",
                    (operation,),
                ).mistake(
                    perhaps="how far the stream is has to be read after the conflict: the winner's counts"
                )
