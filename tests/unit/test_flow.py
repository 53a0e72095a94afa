"""One direction of a connection, beside transports that are no sockets."""

from __future__ import annotations

import asyncio
from typing import cast

from pytest_labkit.faults.tcp.flow import END, Flow


class Connection:
    """What a flow is part of."""

    open = True
    finished = 0

    def finish(self) -> None:
        """One direction has ended."""
        self.finished += 1

    def reset(self) -> None:
        """Never here."""
        raise AssertionError("reset")


class Gone:
    """A transport whose other end is gone, which nobody has noticed yet."""

    def is_closing(self) -> bool:
        """Nobody has."""
        return False

    def write_eof(self) -> None:
        """What the kernel says then."""
        raise OSError(107, "Transport endpoint is not connected")


def test_the_end_of_a_way_to_nobody_is_the_end() -> None:
    """An end that comes due when the receiver has gone ends the direction, and raises nothing."""
    connection = Connection()
    flow = Flow(connection, "upstream", [])

    async def end() -> None:
        flow.lead_to(cast("asyncio.Transport", Gone()))
        flow.take(END)

    asyncio.run(end())
    assert (True, 1) == (flow.ended, connection.finished)
