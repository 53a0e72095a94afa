"""The door `process`: the student's code runs in a child process, and only values cross."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pytest_labkit.answers.channel import BadFrame, Channel
from pytest_labkit.answers.codec import decode, encode
from pytest_labkit.answers.raised import AnswerDied, AnswerMissing, AnswerRaised, Frame
from pytest_labkit.answers.staging import Staged

# What of the environment a child is given, beside what points to the services.
_INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "SSL_CERT_FILE", "TMPDIR", "TZ")
_SERVICES = ("AWS_", "KAFKA_", "REDIS_", "ELASTICSEARCH_", "OPENSEARCH_")
_GRACE_S = 2.0


class ProcessAnswers:
    """
    The student's modules in a child process: `answers.event_store.EventStore()` gives a handle.

    Handles may be used from many threads at once; the calls then run side by side in the child.
    """

    def __init__(self, staged: Staged, root: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._staged = staged
        self._given = staged.lab.package
        self._numbers = count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-B",
                    "-X",
                    "utf8",
                    "-m",
                    "pytest_labkit.answers.worker",
                    str(theirs.fileno()),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=_allowed(environ),
                cwd=staged.folder,
                start_new_session=True,
            )
        self._socket, self._channel = ours, Channel(ours)
        self._reader = threading.Thread(target=self._read, name="labkit-door", daemon=True)
        self._reader.start()
        folders = dict.fromkeys((str(staged.folder), str(staged.lab.folder)))
        self._ask("open", package=self._given, root=str(root), folders=list(folders), answers=staged.paths)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._staged.modules:
            raise AnswerMissing(f"there is no file {name}.py")
        return self._ask("load", name=name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def kill(self) -> None:
        """SIGKILL, now: nothing that was only in the child's memory is left."""
        self._child.kill()
        self._child.wait()

    def close(self) -> None:
        """End the child, and wait until it is gone."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        try:
            self._child.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._reader.join()
        self._channel.close()

    def _ask(self, do: str, **details: Any) -> Any:
        """Send a request and wait for its answer; what the child raised is raised here."""
        number, answer = next(self._numbers), Future[Any]()
        with self._lock:
            self._waiting[number] = answer
        try:
            self._channel.send({"id": number, "do": do, **details})
        except OSError:
            self._fail_all()
        reply = answer.result()
        if "raised" in reply:
            raise self._rebuilt(reply["raised"])
        return decode(reply.get("value"), self._given, self._handle)

    def _call(self, of: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        def sent(value: Any) -> Any:
            return encode(value, self._given, _number_of)

        return self._ask("call", of=of, args=sent(list(args)), kwargs=sent(kwargs))

    def _handle(self, number: int) -> Handle:
        return Handle(self, number)

    def _read(self) -> None:
        try:
            while (reply := self._channel.receive()) is not None:
                with self._lock:
                    waiting = self._waiting.pop(reply.get("id", 0), None)
                if waiting is not None:
                    waiting.set_result(reply)
        except BadFrame:
            self._child.kill()
        self._fail_all()

    def _fail_all(self) -> None:
        """The child is gone: whoever waits is told."""
        with self._lock:
            waiting, self._waiting = list(self._waiting.values()), {}
        for answer in waiting:
            with contextlib.suppress(Exception):
                answer.set_exception(AnswerDied(f"the process of the answers ended{self._how()}"))

    def _how(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return f" with exit status {self._child.wait(_GRACE_S)}"
        return ""

    def _rebuilt(self, raised: dict[str, Any]) -> BaseException:
        """The lab's own exceptions and Python's as themselves, others as `AnswerRaised`."""
        module_name, _, name = raised["type"].partition(":")
        kind = None
        if module_name == "builtins":
            kind = getattr(builtins, name, None)
        elif module_name.startswith(f"{self._given}.") and not self._is_students(module_name):
            kind = getattr(importlib.import_module(module_name), name, None)
        error: BaseException = AnswerRaised(name, raised["text"])
        if isinstance(kind, type) and issubclass(kind, Exception):
            with contextlib.suppress(Exception):  # an __init__ that does not take its own args
                error = kind(*decode(raised["args"], self._given))
        error.labkit_frames = [Frame(*frame) for frame in raised["frames"]]  # type: ignore[attr-defined]
        return error

    def _is_students(self, module: str) -> bool:
        return module.removeprefix(f"{self._given}.") in self._staged.modules


class Handle:
    """An object in the child: attributes and calls go there, values come back."""

    def __init__(self, answers: ProcessAnswers, number: int) -> None:
        self.__answers = answers
        self.__number = number

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.__answers._ask("get", of=self.__number, name=name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__answers._call(self.__number, args, kwargs)

    def __repr__(self) -> str:
        return f"<object {self.__number} of the answers>"

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.__answers._channel.send({"id": 0, "do": "release", "of": self.__number})


def _number_of(value: Any) -> int:
    """The number of a handle that is passed back to the child."""
    if isinstance(value, Handle):
        return int(value._Handle__number)
    raise TypeError(f"a {type(value).__name__} cannot be passed to the answers")


def _allowed(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in environ.items() if name in _INHERITED or name.startswith(_SERVICES)
    }
