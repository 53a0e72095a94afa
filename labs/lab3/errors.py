"""Given: the errors of lab 3. Their names and arguments are part of the contract; leave them as they are."""


class ConcurrencyError(Exception):
    """
    The stream is not at the version that the caller expected; nothing was written.

    Args:
        aggregate_id: The stream.
        expected_version: Where the caller thought its end was.
        actual_version: Where its end is.
    """

    def __init__(self, aggregate_id: str, expected_version: int, actual_version: int) -> None:
        super().__init__(aggregate_id, expected_version, actual_version)
        self.aggregate_id = aggregate_id
        self.expected_version = expected_version
        self.actual_version = actual_version

    def __str__(self) -> str:
        return f"{self.aggregate_id} is at version {self.actual_version}, not at {self.expected_version}"


class InvalidEvent(Exception):
    """An event does not fit its Avro schema; nothing was written."""


class StreamCorrupted(Exception):
    """A stream that was read has a hole in it, so no state may be made from it."""


class OrderRuleBroken(Exception):
    """An event that cannot happen to this order; the order is as it was before."""
