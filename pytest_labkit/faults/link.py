"""
The way to a server, and the faults that can be put on it.

The bytes go through `exchange`, a process of its own; here is its other end.
"""

from __future__ import annotations

import contextlib
import json
import math
import queue
import subprocess
import sys
import threading
from itertools import count
from typing import Any, Literal, Protocol

from pytest_labkit.domain import seeds
from pytest_labkit.domain.errors import KitError
from pytest_labkit.faults.undo import Fault

Ways = Literal["both", "requests", "replies"]

_ANSWER_S = 10.0  # an order takes milliseconds; more than this, and something is badly wrong


class Orders(Protocol):
    """Whatever passes orders on to an exchange."""

    def order(self, do: str, **given: Any) -> Any:
        """Have *do* done; what the exchange answers. Raises `KitError` if it does not, or could not."""
        ...


class Relay:
    """
    The process through which links lead; started on first use, ended by `close` or with this process.

    Safe in threads; an interrupted order leaves it usable.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[bytes]
        self._numbers = count()
        self._lock = threading.Lock()

    def order(self, do: str, **given: Any) -> Any:
        """
        Have *do* done by the exchange; what it answers.

        Raises:
            KitError: It does not answer, or could not do it.
        """
        with self._lock:
            process = self._process = self._process or self._started()
            number = next(self._numbers)
            text = json.dumps({"number": number, "do": do, **given}) + "\n"
            with contextlib.suppress(BrokenPipeError):
                assert process.stdin is not None
                process.stdin.write(text.encode())
            answer = self._answer_to(number)
        if "error" in answer:
            raise KitError(f"The relay in front of the services could not {do}: {answer['error']}")
        return answer["value"]

    def close(self) -> None:
        """End the process, and with it every connection through it."""
        with self._lock:
            self._bury()

    def _bury(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        assert process.stdin is not None
        process.stdin.close()  # which ends it
        try:
            process.wait(_ANSWER_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pytest_labkit.faults.control"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the tests
        )
        self._answers = queue.SimpleQueue()
        threading.Thread(
            target=_listen, args=(process, self._answers), name="labkit-relay", daemon=True
        ).start()
        return process

    def _answer_to(self, number: int) -> dict[str, Any]:
        while True:
            try:
                line = self._answers.get(timeout=_ANSWER_S)
            except queue.Empty:
                raise KitError(
                    f"The relay in front of the services gave no answer in {_ANSWER_S:g} s."
                ) from None
            if not line:
                self._bury()
                raise KitError("The relay in front of the services has ended.")
            answer: dict[str, Any] = json.loads(line)
            if answer["number"] == number:  # not that of an order that was interrupted
                return answer


def _listen(process: subprocess.Popen[bytes], answers: queue.SimpleQueue[bytes]) -> None:
    """Take what the exchange says as it comes: an order that is interrupted leaves half of nothing."""
    assert process.stdout is not None
    with process.stdout as said:
        for line in said:
            answers.put(line)
    answers.put(b"")


class Link:
    """
    A way to a server: connections to `port` of 127.0.0.1 lead there, with the faults that lie on it.

    A fault is on connections that were there before it and on those made while it lasts. *ways* is
    `"requests"` for what clients send, `"replies"` for what servers send, or `"both"`. Times are seconds.
    """

    def __init__(
        self, relay: Orders, active: list[Fault], group: str, seed: int, key: str | None = None
    ) -> None:
        self._relay = relay
        self._active = active
        self._group = group
        self._seed = seed
        self._key = key
        self._made = count()

    def delay(self, seconds: float, jitter: float = 0.0, ways: Ways = "both") -> LinkFault:
        """
        Bytes are late by *seconds*, give or take *jitter*: evenly spread, and repeated by the run's seed.

        It is latency and no limit: what follows is not held up by what went before. Each way counts, so a
        round trip takes twice as long. Connecting takes no longer.
        """
        if not 0 <= jitter <= seconds:
            raise ValueError(f"jitter={jitter}: it has to be between 0 and {seconds}, the delay")
        seed = seeds.derive(self._seed, self._name, "delay", str(next(self._made)))
        return self._fault("delay", ways, seconds=_positive("seconds", seconds), jitter=jitter, seed=seed)

    def bandwidth(self, bytes_per_s: float, ways: Ways = "both") -> LinkFault:
        """No more than so many bytes a second get through in each direction, all connections together."""
        return self._fault("bandwidth", ways, bytes_per_s=_positive("bytes_per_s", bytes_per_s))

    def stall(self, ways: Ways = "both") -> LinkFault:
        """Nothing gets through, and all of it does in the end: a partition shorter than TCP's patience."""
        return self._fault("stall", ways)

    def hole(self, ways: Ways = "both", after: int = 0) -> LinkFault:
        """
        Bytes vanish, but for the first *after* of each connection, and connections stay.

        A connection that has lost bytes is silent in that direction for good, also when the fault is over:
        its client has to give it up. Connections that carried nothing meanwhile, and new ones, are well.
        """
        return self._fault("hole", ways, after=_count("after", after))

    def cut(self, after: int = 0, ways: Ways = "replies") -> LinkFault:
        """
        A connection is reset by the first byte after *after* more bytes of it.

        `cut()` is a reply lost: the server has done what it was asked for, and the client never hears.
        """
        return self._fault("cut", ways, after=_count("after", after))

    def reset(self) -> LinkFault:
        """All connections are reset (RST): those there are, and those made while it lasts, at once."""
        return self._fault("reset", "both")

    def refuse(self) -> LinkFault:
        """Nobody listens: new connections are refused, those there are reset, as if the server had died."""
        return self._fault("refuse", "both")

    @property
    def _name(self) -> str:
        return self._group if self._key is None else f"{self._group} {self._key}"

    def _fault(self, kind: str, ways: Ways, **given: Any) -> LinkFault:
        chosen = ["requests", "replies"] if ways == "both" else [ways]
        if not set(chosen) <= {"requests", "replies"}:
            raise ValueError(f"ways={ways!r}: it has to be 'both', 'requests' or 'replies'")
        if kind not in ("reset", "refuse", "lose_reply"):
            given["ways"] = chosen
        return LinkFault(
            self._relay, self._active, f"{kind} on {self._name}", kind, (self._group, self._key), given
        )


_fault_numbers = count()


class LinkFault(Fault):
    """
    A fault on a link.

    A test that needs it to happen must see that `fired` is not 0: a fault that meets nothing proves nothing.
    """

    def __init__(
        self,
        relay: Orders,
        active: list[Fault],
        name: str,
        kind: str,
        where: tuple[str, str | None],
        given: dict[str, Any],
    ) -> None:
        super().__init__(active, name)
        self._relay = relay
        self._kind = kind
        self._where = where
        self._given = given
        self._number = next(_fault_numbers)
        self._fired: int | None = 0

    @property
    def fired(self) -> int:
        """How often it did something: to pieces of data, or, if it breaks connections, to connections."""
        return self._relay.order("fired", fault=self._number) if self._fired is None else self._fired

    def _begin(self) -> None:
        group, key = self._where
        self._fired = None  # before the order: interrupted after it, there is something to undo
        self._relay.order(
            "begin", fault=self._number, kind=self._kind, group=group, key=key, given=self._given
        )

    def _end(self) -> None:
        if self._fired is None:
            self._fired = self._relay.order("end", fault=self._number)


def _count(name: str, value: int) -> int:
    if value < 0:
        raise ValueError(f"{name}={value}: a number of bytes is not negative")
    return value


def _positive(name: str, value: float) -> float:
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name}={value}: it has to be positive")
    return value
