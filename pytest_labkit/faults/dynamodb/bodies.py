"""
What DynamoDB's requests and replies look like, as far as faults change them or make them up.

Batches to write and to get, transactions, errors, pages; pure functions over JSON bodies.
"""

from __future__ import annotations

import json
import uuid
import zlib
from decimal import Context, Decimal
from typing import Any

from pytest_labkit.faults.dynamodb.messages import Headers, Reply

Body = dict[str, Any]

OK = 200
SLOW = (
    "The level of configured provisioned throughput for the table was exceeded. "
    "Consider increasing your provisioning level with the UpdateTable API."
)


def transaction(operation: str, body: Body) -> list[Any]:
    """The members of a transaction; empty for any other operation."""
    if operation == "ExecuteTransaction":
        return list(body.get("TransactStatements", []))
    return list(body.get("TransactItems", [])) if operation.startswith("Transact") else []


def throttled(cancelled: list[Any]) -> Reply:
    """Cancelled because of the last member: reasons stand in the order of the request."""
    reasons: list[Body] = [{"Code": "None"} for _ in cancelled[1:]]
    reasons.append({"Code": "ThrottlingError", "Message": SLOW})
    codes = ", ".join(reason["Code"] for reason in reasons)
    return error(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        CancellationReasons=reasons,
    )


def error(kind: str, message: str, *, status: int = 400, **more: Any) -> Reply:
    """An error as DynamoDB sends it."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", **more, "Message": message}
    headers = (("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-RequestId", str(uuid.uuid4())))
    return changed(Reply(status, headers, b""), body)


def changed(reply: Reply, body: Body) -> Reply:
    """*reply* with another body, and with the checksum of that, which botocore looks at."""
    content = encoded(body)
    headers: Headers = tuple((n, v) for n, v in reply.headers if n.lower() != "x-amz-crc32")
    return Reply(reply.status, (*headers, ("x-amz-crc32", str(zlib.crc32(content)))), content)


def returned(reply: bytes) -> int:
    """The number of items in a reply, whichever of the reads it answers; 0 for any other."""
    try:
        body = json.loads(reply)
    except ValueError:
        return 0
    if not isinstance(body, dict):
        return 0
    answers = body.get("Responses", [])
    if isinstance(answers, dict):  # of BatchGetItem, by table
        return sum(map(len, answers.values()))
    one_by_one = sum("Item" in answer for answer in [body, *answers])
    return one_by_one + max(len(body.get("Items", [])), int(body.get("Count", 0)))


def encoded(body: Body) -> bytes:
    """A body as it is sent."""
    return json.dumps(body, separators=(",", ":")).encode()


def members(part: Any) -> list[Any]:
    """The members of one table's part of a batch: requests to write, or keys to get."""
    found: list[Any] = part["Keys"] if isinstance(part, dict) else part
    return found


def with_members(part: Any, chosen: list[Any]) -> Any:
    """One table's part of a batch, with these members only."""
    return part | {"Keys": chosen} if isinstance(part, dict) else chosen


def divided(tables: Body, keep: int) -> tuple[Body, Body]:
    """The first *keep* members of a batch, and the others; tables without members are left out."""
    kept: Body = {}
    rest: Body = {}
    for table, part in tables.items():
        all_of_it = members(part)
        for share, chosen in ((kept, all_of_it[:keep]), (rest, all_of_it[keep:])):
            if chosen:
                share[table] = with_members(part, chosen)
        keep = max(0, keep - len(all_of_it))
    return kept, rest


def joined(one: Body, other: Body) -> Body:
    """Two batches as one."""
    both = {t: with_members(part, members(one[t]) + members(part)) for t, part in other.items() if t in one}
    return one | other | both


def just_before(key: Body, *, backwards: bool) -> Body | None:
    """The key before *key* in the direction of the query, `None` if it has not exactly one number."""
    numbers = [name for name, value in key.items() if "N" in value]
    if len(numbers) != 1:
        return None
    (name,) = numbers
    step = Decimal(1 if backwards else -1)
    before = Context(prec=40).add(Decimal(key[name]["N"]), step)
    return key | {name: {"N": format(before, "f")}}


def start_of(query: Body) -> str:
    """A query and where it starts, however long its pages are."""
    return json.dumps({name: value for name, value in query.items() if name != "Limit"}, sort_keys=True)
