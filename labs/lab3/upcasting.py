"""
Lab 3, part C: events of schema version 1, read as those of today.

The old service's events are in the table as it wrote them, and stay so: what has happened is not
rewritten. Whoever reads them makes today's events of them, each time anew.

    payload --Avro: written by its schema, read by yours--> fields --your code--> OrderCreated(…)

How they were stored, and what has become of each field, stands in `legacy.py`. Avro's schema resolution
renames (aliases), widens (int to long), fills in (defaults) and drops. What it cannot do is left to you.
"""

from labs.lab3.errors import StreamCorrupted  # noqa: F401
from labs.lab3.events import EVENT_TYPES, Event  # noqa: F401
from labs.lab3.legacy import SCHEMA_VERSION, WRITER_SCHEMAS  # noqa: F401


def upcast(event_type: str, schema_version: int, payload: bytes) -> Event:
    """
    The event of today that a stored one of *schema_version* 1 is, its `version` still `None`.

    Promises C4.2 and C4.3 in README.md.

    Raises:
        StreamCorrupted: Nobody knows how to read an event of this type or schema version.
    """
    raise NotImplementedError("TODO C4: upcast reads an event of schema version 1 as one of today")
