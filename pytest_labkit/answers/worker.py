"""
The child's side of the door `process`: runs the student's code and answers with values.

Started as `python -m pytest_labkit.answers.worker FD`. It knows no test, no expected value and no
verdict. Each request runs on a thread of its own, so that calls made side by side run side by side.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from itertools import count
from pathlib import Path
from typing import Any

from pytest_labkit.answers import loading
from pytest_labkit.answers.channel import Channel
from pytest_labkit.answers.codec import decode, encode
from pytest_labkit.answers.raised import NotAValue, frames


class Worker:
    """The student's modules and the objects that the test holds handles to."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._objects: dict[int, Any] = {}
        self._numbers = count(1)
        self._package = ""
        self._answers: dict[str, str] = {}

    def serve(self) -> None:
        """Answer requests until the parent is gone."""
        while (request := self._channel.receive()) is not None:
            threading.Thread(target=self._answer, args=(request,), daemon=True).start()

    def _answer(self, request: dict[str, Any]) -> None:
        try:
            reply = {"value": self._run(request)}
        except BaseException as error:  # SystemExit and the like are the student's too
            reply = {"raised": self._told(error)}
        with contextlib.suppress(OSError):  # the parent is gone, and so is whoever asked
            self._channel.send({"id": request.get("id"), **reply})

    def _run(self, request: dict[str, Any]) -> Any:
        match request["do"]:
            case "open":
                self._package, self._answers = request["package"], request["answers"]
                loading.open_package(self._package, Path(request["root"]), map(Path, request["folders"]))
                return None
            case "load":
                return self._sent(loading.load(self._package, request["name"]))
            case "get":
                return self._sent(getattr(self._objects[request["of"]], request["name"]))
            case "call":
                args, kwargs = (self._received(request[part]) for part in ("args", "kwargs"))
                return self._sent(self._objects[request["of"]](*args, **kwargs))
            case "release":
                self._objects.pop(request["of"], None)
                return None
        raise NotAValue(f"{request['do']!r} is not a request")

    def _sent(self, value: Any) -> Any:
        return encode(value, self._package, self._refer)

    def _received(self, data: Any) -> Any:
        return decode(data, self._package, self._objects.__getitem__)

    def _refer(self, value: Any) -> int:
        number = next(self._numbers)
        self._objects[number] = value
        return number

    def _told(self, error: BaseException) -> dict[str, Any]:
        """*error* as values: its class, arguments, text, and the student's frames it passed."""
        try:
            args = encode(list(error.args), self._package)
        except NotAValue:
            args = [str(error)]
        return {
            "type": f"{type(error).__module__}:{type(error).__qualname__}",
            "args": args,
            "text": str(error),
            "frames": [[f.file, f.line, f.function] for f in frames(error, self._answers)],
        }


def main() -> None:
    """Serve the connection whose file descriptor is the first argument."""
    Worker(Channel(socket.socket(fileno=int(sys.argv[1])))).serve()


if __name__ == "__main__":
    main()
