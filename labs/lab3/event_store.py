"""
Lab 3, part A: an event store on DynamoDB.

A shop keeps no orders, it keeps what happened to them. Each order is a stream of events, numbered
1, 2, 3 …, and nothing that was stored is ever changed. Many servers write at once, and each says
which version it has seen:

    stream at 0 --append 3 events, expected 0--> stream at 3
    stream at 3 --append 1 event,  expected 2--> ConcurrencyError, nothing written

The table `event-store` is there: partition key `aggregate_id` (string), sort key `version` (number).
What an item holds beside that is yours to choose. What each method promises stands in README.md, under
the ids that are named here.

Run the checks:  pytest labs/lab3        A hint:  labkit hint lab3
"""

from datetime import datetime
from typing import Any

from labs.lab3.errors import ConcurrencyError, InvalidEvent, StreamCorrupted  # noqa: F401
from labs.lab3.events import EVENT_TYPES, Event  # noqa: F401

TABLE = "event-store"


class EventStore:
    """
    Streams of events in the table `event-store`, wherever boto3's environment says that it is.

    Promises A1.1 to A1.4 in README.md.
    """

    def __init__(self) -> None:
        # TODO A1: two stores, also in two processes, see the same streams.
        pass

    def append_events(self, aggregate_id: str, expected_version: int, events: list[Event]) -> None:
        """
        Store *events* as the versions after *expected_version*: all of them, or an error and none.

        Promises A1.5, A1.6, A2.1 to A2.10, A3.1 to A3.6, A5.1 to A5.6, A7.1 and A7.2 in README.md.

        Raises:
            ConcurrencyError: The stream is not at *expected_version*, which is the version of its last
                event, 0 for a new stream.
            InvalidEvent: An event does not fit its schema.
        """
        # TODO A2: of those who append at one version at the same moment, one succeeds.
        # TODO A3: whatever breaks halfway, a reader finds the whole batch or nothing of it.
        # TODO A5: what does not fit schemas/*.avsc is refused before anything is written.
        # TODO A7: 10,000 events a second, in batches of 100.
        raise NotImplementedError("TODO A1: append_events stores events where get_events finds them")

    def get_events(self, aggregate_id: str, from_version: int = 0) -> list[Event]:
        """
        The events with a version above *from_version*, in version order, each with its `version` set.

        Promises A1.7, A1.8 and A4.1 to A4.6 in README.md; for part C also C4.1, C4.4 and C5.1.

        Raises:
            StreamCorrupted: An event is missing in the middle.
        """
        # TODO A4: however long the stream is, all of it, in order, and no Scan.
        raise NotImplementedError("TODO A1: get_events returns what append_events stored")

    def events_in(self, item: dict[str, Any]) -> list[Event]:
        """
        The events that are in the stream since *item* was put, each with its `version` set.

        *item* is one of the table's, in the form in which `boto3.client` gives items. None for an item that
        holds no events, such as one of your own or of somebody else's. Promises B1.1 and C4.5 in README.md.
        """
        raise NotImplementedError("TODO B1: events_in says which events an item of the table holds")

    def get_events_until(self, aggregate_id: str, timestamp: datetime) -> list[Event]:
        """
        The events with `occurred_at <= timestamp`, in version order; `ValueError` without a time zone.

        Promises C1.1, C1.2, C5.1 and C5.2 in README.md.
        """
        raise NotImplementedError("TODO C1: get_events_until (part C)")

    def save_snapshot(self, aggregate_id: str, version: int, state: dict[str, Any]) -> None:
        """Keep *state*, which is JSON-able, as what the first *version* events come to: C3.3, C3.4."""
        raise NotImplementedError("TODO C3: save_snapshot (part C)")

    def get_snapshot(
        self, aggregate_id: str, max_version: int | None = None
    ) -> tuple[int, dict[str, Any]] | None:
        """
        The newest snapshot, not newer than *max_version*, as version and state; `None` without one.

        Promises C3.1 to C3.4 and C3.7 in README.md.
        """
        raise NotImplementedError("TODO C3: get_snapshot (part C)")
