"""
Raw errors of the usual libraries -> a sentence that a student can act on.

A sentence says what the error usually means and what to do instead. It is a guess and is shown as one
("perhaps"), so a pattern is as narrow as the error allows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Each row: a pattern searched for in "ErrorType: message", and what that usually means. `{0}` is the
# first group of the pattern. The first row that fits is taken, so narrow ones come first.
_OF_THE_WAY: tuple[tuple[str, str], ...] = (
    (
        r"redis|Error \d+ connecting to",
        "Redis does not listen there: take the address from the environment, "
        "redis.Redis.from_url(os.environ['REDIS_URL'])",
    ),
    (
        r"EndpointConnectionError|ConnectTimeoutError|Connection refused|Error 111",
        "nothing listens at that address: is an endpoint or port written into the code? "
        "boto3.client('dynamodb') with no arguments finds the service by its environment",
    ),
    (
        r"_MSG_TIMED_OUT",
        "no broker took the message in time: is bootstrap.servers the one in KAFKA_BOOTSTRAP_SERVERS?",
    ),
    (
        r"_TRANSPORT|_ALL_BROKERS_DOWN",
        "no broker answers: take bootstrap.servers from KAFKA_BOOTSTRAP_SERVERS",
    ),
)
"""About a service that is not reached: no guess to make where the check itself has broken the way to it."""

_ROWS: tuple[tuple[str, str], ...] = (
    # redis
    (
        r"WRONGTYPE",
        "that key holds another kind of value (text, hash, list, set): "
        "use the commands of one kind for one key, or another key",
    ),
    # AWS
    (
        r"NoRegionError|NoCredentialsError|PartialCredentialsError",
        "boto3 did not get the environment that the run has set: make clients when they are needed, "
        "with no arguments, and leave os.environ as it is",
    ),
    (
        r"ResourceNotFoundException|Requested resource not found",
        "the table is not there under that name, or another access key or region is used: "
        "leave credentials and region to boto3's environment",
    ),
    (r"TransactionConflict", "two transactions touched one item at the same moment: this may be tried again"),
    (
        r"TransactionCanceled",
        "a transaction was refused: its CancellationReasons say for which item, and why",
    ),
    (
        r"ConditionalCheckFailed",
        "the condition of a write was not met, which is how DynamoDB says that somebody wrote first: "
        "catch this error, and no other ClientError with it",
    ),
    (r"ProvisionedThroughputExceeded|ThrottlingE", "the service asked to slow down: wait and try again"),
    (
        r"reserved keyword: (\w+)",
        "{0} is one of DynamoDB's reserved words: write #{0} in the expression, "
        "and pass ExpressionAttributeNames={{'#{0}': '{0}'}}",
    ),
    (
        r"empty string value\. Key: (\w+)|empty string value",
        "a key must not be an empty text: which call has no value for it?",
    ),
    (
        r"Type mismatch for key",
        "a key is of another type in the table: {{'N': '1'}} is a number, {{'S': '1'}} is a text",
    ),
    (
        r"One of the required keys was not given a value|Missing the key (\w+)",
        "an item has all keys of the table, by their exact names",
    ),
    (
        r"Too many items|Member must have length less than or equal to 100",
        "a transaction takes 100 actions at most",
    ),
    (
        r"multiple operations on one item",
        "a transaction may touch an item once: put the check as a condition on the write itself",
    ),
    (r"Item size has exceeded", "an item takes 400 KB at most"),
    (
        r"Float types are not supported",
        "boto3's resource takes no float: use Decimal(str(value)), or store encoded bytes",
    ),
    (
        r"ParamValidationError.*\n?.*(Invalid type for parameter (?:Item|Key|Expression))",
        "boto3's client takes typed values, {{'S': 'text'}} and {{'N': '1'}}; "
        "plain ones are for boto3.resource('dynamodb').Table(…)",
    ),
    # Kafka
    (
        r"UNKNOWN_TOPIC|Unknown topic",
        "the topic does not exist under that name: take the name that the call was given",
    ),
    (
        r"BufferError|_QUEUE_FULL|Queue full",
        "the producer's queue is full: call poll() after each produce(), and on BufferError poll(1) "
        "and produce the message again",
    ),
    # Python
    (
        r"SyntaxError: (?:source code string cannot contain null bytes|\(unicode error\) 'utf-8' codec|"
        r"unknown encoding|encoding problem)",
        "the file is not saved as UTF-8, which Python takes it for: save it again, with the encoding UTF-8",
    ),
    (
        r"SyntaxError: Python cannot compile it",
        "an expression is nested too deep, such as a sum of thousands of terms: write a loop, or keep the "
        "data in a list",
    ),
    (
        r"No module named '([\w.]+)'",
        "{0} is not installed here. A file of the lab is imported by its full name, "
        "from labs.<lab>.<file> import …; of packages the lab needs only those that came with it",
    ),
    (
        r"Object of type (\w+) is not JSON serializable",
        "json knows no {0}: turn it into text or a number first (str(), isoformat(), "
        "model_dump(mode='json'))",
    ),
    (
        r"^ValidationError: \d+ validation errors? for (\w+)",
        "{0} was made from fields that it does not have, or of other types: "
        "compare what you pass with its class, and what you stored with what you read",
    ),
    (
        r"offset-naive and offset-aware",
        "one of the two times has no zone: make times with datetime.now(UTC), and keep the zone when "
        "they are stored",
    ),
    (
        r"\bFake(Datetime|Date)\b",
        "the check has stopped the clock (freezegun), and datetime is a class of its own then: "
        "ask isinstance(value, datetime), never type(value) is datetime",
    ),
    (
        r"coroutine",
        "an async function was called without await, so it has not run: write plain functions here, "
        "or run it with asyncio.run(…)",
    ),
    (
        r"cannot be called from a running event loop",
        "asyncio.run starts a loop of its own: inside async code, await instead",
    ),
    (r"ConcurrencyError", "the store took this for a conflict, though the expected version was right"),
    (r"RecursionError", "a function calls itself without an end"),
    (
        r"OutOfTime",
        "a loop without an end, a wait without a time-out, or a lock that is never let go",
    ),
)


def diagnose(error: BaseException, *, faulty: bool = False) -> str | None:
    """
    What *error*, or what led to it, usually means; `None` if it is not one of the usual ones.

    *faulty*: the check had broken something on purpose, so that no address is to blame.
    """
    rows = _ROWS if faulty else (*_OF_THE_WAY, *_ROWS)
    texts = [f"{type(one).__name__}: {said_by(one)}" for one in _and_causes(error)]
    found = ((re.search(pattern, text), meaning) for text in texts for pattern, meaning in rows)
    return next((meaning.format(*match.groups()) for match, meaning in found if match), None)


def _and_causes(error: BaseException) -> Iterator[BaseException]:
    """*error*, then what it was raised from, or while handling what."""
    seen: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in seen:
        yield at
        seen.append(at)
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


def said_by(error: BaseException) -> str:
    """`str(error)`, which a student's class may have written so that it raises."""
    try:
        return str(error)
    except Exception as broken:
        return f"its str() raised {type(broken).__name__}"
