"""The door `process`: the student's code runs in a child process, and only values cross."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections import deque
from datetime import datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pytest_labkit.answers.child.children import Child
from pytest_labkit.answers.child.stacks import Stack, stacks
from pytest_labkit.answers.handles import BoundCall, Handle, handle, path_of
from pytest_labkit.answers.rpc.channel import Channel
from pytest_labkit.answers.rpc.codec import decode, encode, tagged
from pytest_labkit.answers.rpc.errors import AnswerDied, AnswerMissing, NotAValue, Tampered
from pytest_labkit.answers.rpc.exceptions import RemoteException, rebuild, serialize
from pytest_labkit.answers.rpc.frames import BadFrame, from_a_child, reference
from pytest_labkit.answers.rpc.peer import Gone, Peer, drained
from pytest_labkit.course.submission import Staged
from pytest_labkit.domain.errors import KitError
from pytest_labkit.domain.model import Frame

_SETTLED_S = 2.0
_SHOWN = 3  # lines of what a child that died had printed


class ProcessAnswers:
    """
    The student's modules in the process *child*: `answers.event_store.EventStore()` gives a handle.

    Handles may be used from many threads at once; the calls then run side by side in the child, those
    of one thread on one thread.
    """

    def __init__(self, staged: Staged, root: Path, child: Child, environ: dict[str, str]) -> None:
        self._staged = staged
        self._given = staged.given
        self._child = child
        channel = Channel(child.connection, from_a_child)
        self._peer = Peer(channel, self._called_back, self._serialized, contained=Exception, step=1)
        self._passed: dict[int, Any] = {}  # what the test passed in, by the number that the child has
        self._raised: dict[int, BaseException] = {}  # what that raised
        self._numbers = count(1)
        self._released: deque[int] = deque()
        self._running: dict[int, str] = {}  # thread -> the call that it waits for
        self._modules: dict[str, Any] = {}
        self._set: set[str] = set()  # the names of the attributes that the test has set
        self._has_begun = False  # to load a student's file
        self._ended_by_us = False
        self._shown = 0
        self.trouble: Exception | None = None
        """What the child did that no test asked for: it died, or was tampered with."""

        self._listener = threading.Thread(target=self._listen, name="labkit-door", daemon=True)
        self._listener.start()
        with contextlib.suppress(OSError):  # it is gone, which the first call says
            channel.send({"env": environ, "root": str(root), **_opening(staged)})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._staged.modules:
            raise AnswerMissing(f"there is no file {name}.py")
        return self._load(name, name)

    def beside(self, name: str) -> Any:
        """The given module *name*, as the child has it; raises `AnswerMissing` if the lab gives none."""
        if (module := self._staged.helper(name)) is None:
            raise AnswerMissing(f"the lab gives no file {name}.py")
        return self._load(name, module)

    def _load(self, name: str, module: str) -> Any:
        """The module, which is loaded once."""
        self._has_begun = True
        if module not in self._modules:
            loaded = self._ask(f"while {name}.py was loaded", "load", label=name, name=module)
            self._modules[module] = loaded
        return self._modules[module]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def kill(self) -> None:
        """SIGKILL, now, to it and all that it started: nothing that was only in memory is left."""
        self._ended_by_us = True
        self._child.end()
        self._listener.join(_SETTLED_S)

    def begin_to_end(self) -> None:
        """End the child without waiting for it: it runs no further."""
        self._ended_by_us = True
        self._child.begin_to_end()

    def close(self) -> None:
        """End the child; returns when it and all that it started are gone."""
        self.kill()
        self._child.connection.close()

    def set_clock(self, instant: datetime | None) -> None:
        """Let it be *instant* in the child, and stay so; `None` lets the time go on."""
        said = instant and encode(instant, self._given)
        with contextlib.suppress(AnswerDied, Tampered):  # which the next call says
            self._ask("when its clock was set", "clock", instant=said)

    def stacks(self) -> list[Stack]:
        """End the child; the student's frames of each of its threads just then."""
        self._ended_by_us = True
        return stacks(self._child.stacks(), self._staged.paths)

    def printed(self) -> str:
        """What the student's code has printed since this was last asked."""
        start, self._shown = self._shown, self._child.output.size
        return self._child.output.text(start, self._shown)

    # What handles ask for

    def get(self, of: int, label: str, name: str) -> Any:
        """The attribute *name* of the child's object *of*."""
        return self._ask(f"in {label}.{name}", "get", label=f"{label}.{name}", of=of, name=name)

    def set(self, of: int, label: str, name: str, value: Any) -> None:
        """Set the attribute *name* of the child's object *of*."""
        self._set.add(name)
        self._ask(f"in {label}.{name}", "set", of=of, name=name, value=self._sent(value))

    def is_set(self, name: str) -> bool:
        """Whether the test has set an attribute of this name, of whatever object."""
        return name in self._set

    def call(
        self, of: int, label: str, args: tuple[Any, ...], kwargs: dict[str, Any], name: str | None = None
    ) -> Any:
        """Call the child's object *of*, or its attribute *name*."""
        what = f"{label}()" if name is None else f"{label}.{name}()"
        sent = {"args": self._sent(list(args)), "kwargs": self._sent(kwargs)}
        return self._ask(f"in {what}", "call", label=what, of=of, name=name, **sent)

    def release(self, of: int) -> None:
        """Nobody holds a handle to *of* any more. Called by the garbage collector: says so later."""
        self._released.append(of)

    def _ask(self, where: str, do: str, label: str = "", **details: Any) -> Any:
        """Have the child *do* something; what it raised is raised here."""
        release = drained(self._released)
        thread = threading.get_ident()
        outer = self._running.get(thread)
        self._running[thread] = where
        try:
            reply = self._call_over(do=do, release=release, **details)
            if "raised" in reply:
                raise self._rebuilt(reply["raised"])
            return self._received(reply["value"], label)
        except Gone:
            self._listener.join(_SETTLED_S)
            raise self._trouble() from None
        except BadFrame as bad:
            self._tampered(str(bad))
            raise self._trouble() from None
        finally:
            if outer is None:
                self._running.pop(thread, None)
            else:
                self._running[thread] = outer

    def _call_over(self, **request: Any) -> dict[str, Any]:
        try:
            return self._peer.call(**request)
        except NotAValue as error:
            raise KitError(f"A test passes on {error}.") from None

    def _trouble(self) -> Exception:
        """The trouble, as an exception for one of those who wait."""
        if self.trouble is not None:
            return type(self.trouble)(*self.trouble.args)
        return AnswerDied("the process that ran your code had been ended")

    # What comes from the child

    def _listen(self) -> None:
        try:
            self._peer.listen()
        except BadFrame as bad:
            self._tampered(str(bad))
        if self.trouble is None and not self._ended_by_us:
            self._died()
        self._peer.close()

    def _tampered(self, what: str) -> None:
        if self.trouble is None and not self._ended_by_us:
            self.trouble = Tampered(f"the process that ran your code sent {what}")
        self._ended_by_us = True
        self._child.end()

    def _died(self) -> None:
        """Nothing comes any more and nobody here wanted that: say how it ended."""
        self._child.ended_within(_SETTLED_S)
        status = self._child.status.result() if self._child.status.done() else None
        self._child.end()
        said = " | ".join(line[:160] for line in self._child.output.tail(_SHOWN))
        idle = "between two calls" if self._has_begun else "before any of your code ran"
        where = next(iter(self._running.values()), idle)
        self.trouble = AnswerDied(
            f"the process that ran your code {_ended(status)} {where}"
            + (f"; it printed: {said}" if said else "")
        )

    def _called_back(self, frame: dict[str, Any]) -> Any:
        """Call what the test passed in; its result is a value."""
        try:
            args, kwargs = (self._received(frame[part], "") for part in ("args", "kwargs"))
            function = self._passed[frame["of"]]
        except (BadFrame, KeyError) as bad:
            self._tampered(f"a call of what it was never given ({bad})")
            raise
        return self._sent(function(*args, **kwargs))

    def _serialized(self, error: BaseException) -> dict[str, Any]:
        number = next(self._numbers)
        self._raised[number] = error
        return {**serialize(error, self._given, {}), "own": number}

    def _rebuilt(self, raised: dict[str, Any]) -> BaseException:
        """What the child raised; of what the test raised itself in a callback, the very object."""
        told = RemoteException(**raised)
        error = self._raised.get(told.own or 0) or rebuild(told, self._given)
        known = set(self._staged.paths.values())
        frames = [Frame(*frame) for frame in told.frames if frame[0] in known]
        error.labkit_frames = frames  # type: ignore[attr-defined]
        return error

    def _sent(self, value: Any) -> Any:
        try:
            return encode(value, self._given, self._refer)
        except NotAValue as error:
            raise KitError(f"A test passes on what the answers cannot be given: {error}.") from None

    def _received(self, data: Any, label: str) -> Any:
        def resolve(tag: str, inner: Any) -> Any:
            return self._passed[inner] if tag == "own" else handle(self, reference(inner), label)

        try:
            return decode(data, self._given, resolve)
        except NotAValue as error:
            raise BadFrame(str(error)) from None

    def _refer(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Handle | BoundCall):
            return tagged("own", path_of(value, self))
        if not callable(value):
            raise NotAValue(f"a {type(value).__name__} is no value, and cannot be called")
        number = next((n for n, known in self._passed.copy().items() if known == value), None)
        if number is None:
            number = next(self._numbers)
            self._passed[number] = value
        return tagged("ref", {"number": number, "type": getattr(value, "__name__", type(value).__name__)})


def _opening(staged: Staged) -> dict[str, Any]:
    """Where a child finds the answers, and what it is given."""
    return {
        "folder": str(staged.folder),
        "searched": list(dict.fromkeys((str(staged.folder), str(staged.lab.folder)))),
        "package": staged.given.package,
        "given": sorted(staged.given.modules),
        "answers": staged.paths,
    }


def _ended(status: int | None) -> str:
    if status is None:
        return "ended"
    if status >= 0:
        return f"ended with exit status {status}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"
