"""
The child's side of the door `process`: runs the student's code and answers with values.

Forked by a template, or started as `python -m pytest_labkit.answers.child.worker FD`. It knows no test, no
expected value and no verdict. What the test's main thread calls runs on the main thread here.
"""

from __future__ import annotations

import faulthandler
import gc
import io
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import reduce
from itertools import count
from pathlib import Path
from typing import Any

from pytest_labkit.answers import clocks
from pytest_labkit.answers.child import compiled, loading
from pytest_labkit.answers.child.callables import callables
from pytest_labkit.answers.child.reaper import STACKS
from pytest_labkit.answers.rpc.channel import Channel
from pytest_labkit.answers.rpc.codec import decode, encode, tagged
from pytest_labkit.answers.rpc.errors import NotAValue
from pytest_labkit.answers.rpc.exceptions import RemoteException, rebuild, serialize
from pytest_labkit.answers.rpc.frames import Frame
from pytest_labkit.answers.rpc.peer import Peer
from pytest_labkit.course.shared_types import Given


class Passed:
    """A callable that the test passed in: calling it calls the test's."""

    def __init__(self, worker: Worker, number: int, name: str) -> None:
        self.__worker = worker
        self.__number = number
        self.__name__ = self.__qualname__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__worker.call_back(self.__number, args, kwargs)

    def __repr__(self) -> str:
        return f"<{self.__name__} of the test>"


class Worker:
    """The student's modules and the objects that the test holds handles to."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._peer = Peer(channel, self._run, self._serialized, contained=BaseException, step=-1)
        self._objects: dict[int, Any] = {}
        self._numbers = count(1)
        self._passed: dict[int, Passed] = {}
        self._given = Given("", frozenset())
        self._answers: dict[str, str] = {}
        self._clock = clocks.Clock()

    def serve(self) -> None:
        """Be in the place that the first frame names, then answer requests until the parent is gone."""
        if (opening := self._channel.receive()) is None:
            return
        self._open(opening)
        threading.Thread(target=self._listen, name="labkit-door", daemon=True).start()
        self._peer.answer_on_this_thread()

    def call_back(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call what the test passed in."""
        reply = self._peer.call(of=number, args=self._sent(list(args)), kwargs=self._sent(kwargs))
        if "raised" not in reply:
            return self._received(reply["value"])
        raised = RemoteException(**{**reply["raised"], "frames": []})
        error = rebuild(raised, self._given)
        error.labkit_number = raised.own  # type: ignore[attr-defined]
        raise error

    def _listen(self) -> None:
        try:
            self._peer.listen()
        finally:
            os._exit(0)  # nobody is left to work for, whatever the student's threads are at

    def _run(self, request: Frame) -> Any:
        for number in request.get("release", ()):
            self._objects.pop(number, None)
        match request["do"]:
            case "load":
                return self._result(loading.load(self._given.package, request["name"]))
            case "get":
                return self._result(getattr(self._objects[request["of"]], request["name"]))
            case "set":
                setattr(self._objects[request["of"]], request["name"], self._received(request["value"]))
                return None
            case "call":
                args, kwargs = (self._received(request[part]) for part in ("args", "kwargs"))
                called, name = self._objects[request["of"]], request["name"]
                return self._result((called if name is None else getattr(called, name))(*args, **kwargs))
            case "clock":
                self._clock.set(request["instant"] and decode(request["instant"], self._given))
                return None
        raise NotAValue(f"{request['do']!r} is not a request")

    def _open(self, opening: Frame) -> None:
        os.environ.clear()
        os.environ.update(opening["env"])
        time.tzset()
        os.chdir(opening["folder"])
        self._given = Given(opening["package"], frozenset(opening["given"]))
        self._answers = opening["answers"]
        compiled.find_in(opening["searched"])
        loading.open_package(opening["package"], Path(opening["root"]), map(Path, opening["searched"]))

    def _result(self, value: Any) -> Any:
        """*value*, as a call's: of an object that stays here with what of it can be called."""
        sent = self._sent(value)
        if type(sent) is dict and sent["$"] == "ref":
            sent["v"]["callables"] = callables(value, self._given)
        return sent

    def _sent(self, value: Any) -> Any:
        return encode(value, self._given, self._refer)

    def _received(self, data: Any) -> Any:
        return decode(data, self._given, self._resolve)

    def _refer(self, value: Any) -> dict[str, Any]:
        if type(value) is Passed:
            return tagged("own", value._Passed__number)  # type: ignore[attr-defined]
        number = next(self._numbers)
        self._objects[number] = value
        return tagged("ref", {"number": number, "type": type(value).__name__})

    def _resolve(self, tag: str, inner: Any) -> Any:
        if tag == "own":
            number, *names = inner
            return reduce(getattr, names, self._objects[number])
        return self._passed.setdefault(inner["number"], Passed(self, inner["number"], inner["type"]))

    def _serialized(self, error: BaseException) -> dict[str, Any]:
        return serialize(error, self._given, self._answers)


def begin(connection: int, output: int, rehearse: Callable[[], None]) -> None:
    """
    Be a worker, in a process that was forked for it.

    One that is ahead of its test has the time to *rehearse*: the pages of memory that it shares with the
    template are copied as it writes to them, which would cost the test more than the work itself.

    Args:
        connection: The socket to serve; the only file descriptor besides the standard three that is kept.
        output: Where stdout and stderr go.
        rehearse: Does, and leaves nothing, what the student's code is likely to do first.
    """
    gc.enable()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor, place in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, place)
    os.close(nothing)
    os.close(output)
    sys.stdin, sys.argv = open(0), [""]  # noqa: SIM115 - open until the process ends
    sys.stdout, sys.stderr = _written_at_once(1), _written_at_once(2)
    if not select.select([connection], [], [], 0)[0]:
        rehearse()
    serve(connection)


def _written_at_once(descriptor: int) -> io.TextIOWrapper:
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def serve(connection: int) -> None:
    """Serve the socket *connection* until the other end is gone."""
    if hasattr(faulthandler, "register"):
        # No file of its own, which would be one more for the student's code to write to: nothing that
        # is read back from it counts for anything. The signal's own effect comes next: the end.
        faulthandler.register(STACKS, file=2, all_threads=True, chain=True)
    Worker(Channel(socket.socket(fileno=connection))).serve()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
