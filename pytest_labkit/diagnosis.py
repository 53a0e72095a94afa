"""Raw errors of the usual libraries -> a sentence that a student can act on."""

from __future__ import annotations

import re

# Each row: a pattern searched for in "ErrorType: message", and what it usually means.
_ROWS: tuple[tuple[str, str], ...] = (
    (
        r"EndpointConnectionError|Connection refused|Error 111",
        "nothing listens at that address: is an endpoint or port written into the code? "
        "boto3.client('dynamodb') with no arguments finds the service by its environment",
    ),
    (
        r"ResourceNotFoundException|Requested resource not found",
        "the table is not there under that name, or another access key or region is used: "
        "leave credentials and region to boto3's environment",
    ),
    (
        r"ConditionalCheckFailed",
        "a condition of a write was not met: somebody wrote first. "
        "Catch this error and tell it apart from every other ClientError",
    ),
    (r"TransactionConflict", "two transactions touched one item at the same moment: this may be tried again"),
    (
        r"TransactionCanceled",
        "a transaction was refused: its CancellationReasons say for which item, and why",
    ),
    (r"ProvisionedThroughputExceeded|ThrottlingError", "the service asked to slow down: wait and try again"),
    (
        r"Too many items|Member must have length less than or equal to 100",
        "a transaction takes 100 actions at most",
    ),
    (r"Item size has exceeded", "an item takes 400 KB at most"),
    (
        r"Float types are not supported",
        "boto3's resource takes no float: use Decimal, or store encoded bytes",
    ),
    (
        r"NoRegionError|NoCredentialsError",
        "boto3 was given an environment of its own: take the one that is there",
    ),
    (r"UNKNOWN_TOPIC_OR_PART|UnknownTopic", "the topic does not exist under that name"),
    (
        r"ModuleNotFoundError",
        "import given files as labs.<lab>.<file>, and only packages that the lab installs",
    ),
    (r"ConcurrencyError", "the store took this for a conflict, though the expected version was right"),
    (r"RecursionError", "a function calls itself without an end"),
)


def diagnose(error: BaseException) -> str | None:
    """What *error* usually means, `None` if it is not one of the usual ones."""
    text = f"{type(error).__name__}: {error}"
    return next((meaning for pattern, meaning in _ROWS if re.search(pattern, text)), None)
