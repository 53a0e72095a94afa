"""Streams of events, as long as the process lasts."""

from labs.lab3.errors import ConcurrencyError

STREAMS = {}


class EventStore:
    def append_events(self, aggregate_id, expected_version, events):
        stream = STREAMS.setdefault(aggregate_id, [])
        if len(stream) != expected_version:
            raise ConcurrencyError(aggregate_id, expected_version, len(stream))
        numbered = enumerate(events, expected_version + 1)
        stream.extend([event.model_copy(update={"version": version}) for version, event in numbered])

    def get_events(self, aggregate_id, from_version=0):
        return STREAMS.get(aggregate_id, [])[from_version:]
