"""
The processes that run a student's code: started, listened to, ended with all that they started.

On Linux each is forked from a template that is warm (see `template`), and one ahead: a test is given one
that stands ready. What it needs to know of the test, such as its environment, it is told by its first frame.
Elsewhere forking is not to be had, or not safe beside the system's own threads: each is a new Python.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlow
from typing import Any

import psutil

from pytest_labkit.answers.child.output import Output
from pytest_labkit.answers.child.preload import Preload
from pytest_labkit.domain.errors import KitError

# What of the environment a child is given, beside what points to the services.
_INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "SSL_CERT_FILE", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "TZ")
_SERVICES = ("AWS_", "KAFKA_", "REDIS_", "SEARCH_")
_PYTHON = (sys.executable, "-I", "-B", "-X", "utf8", "-m")
_WARM_S = 60.0  # until a template has imported what it was told to, on a machine that is busy
_STACKS_S = 2.0
_END_S = 2.0

CAN_FORK = sys.platform == "linux"


def allowed(environ: Mapping[str, str]) -> dict[str, str]:
    """What of *environ* a student's code may see."""
    return {
        name: value for name, value in environ.items() if name in _INHERITED or name.startswith(_SERVICES)
    }


class Child:
    """
    A process that runs a student's code.

    *connection* is the socket to it, *output* what it printed, *status* its exit status when it and all
    that it started have ended: negative for a signal, `None` where nobody knows.

    Args:
        order: Carries out `"end"`, `"stacks"` (write them to the output and end) or `"kill"`.
    """

    def __init__(self, connection: socket.socket, output: Output, order: Callable[[str], None]) -> None:
        self.connection = connection
        self.output = output
        self.status: Future[int | None] = Future()
        self.process: int | None = None  # a file descriptor of it, where that is to be had
        self._order = order
        self._ending = threading.Lock()

    def ended_within(self, seconds: float) -> bool:
        """Whether it has ended, or does in time."""
        with contextlib.suppress(TooSlow):
            self.status.result(seconds)
        return self.status.done()

    def end(self) -> None:
        """End it and all that it started, now, as SIGKILL does; returns when they are gone."""
        with self._ending:
            self._kill()
            for order in ("end", "kill"):
                if not self.status.done():
                    self._order(order)
                    self.ended_within(_END_S)
            self._kill()  # one that had only begun to start
        self.output.wait(_END_S)

    def begin_to_end(self) -> None:
        """The same without waiting: it runs no further, what it started ends soon."""
        with self._ending:
            self._kill()
            if not self.status.done():
                self._order("end")

    def _kill(self) -> None:
        """SIGKILL, past template and reaper: they take a moment in which a thread could still write."""
        if self.process is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self.process, signal.SIGKILL)
            os.close(self.process)
            self.process = None

    def stacks(self) -> str:
        """End it; where its threads were just then, as faulthandler writes it. Empty if it would not say."""
        start = self.output.size
        if not self.status.done():
            self._order("stacks")
            self.ended_within(_STACKS_S)
        self.end()
        return self.output.taken(start)


class TemplateProcess:
    """
    A process that has ready what *preload* says, and forks children. They share its hash seed.

    Returns before it is warm: `fork` waits for that.
    """

    def __init__(self, preload: Preload, environ: Mapping[str, str]) -> None:
        self._children: dict[int, Child] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._threads: Future[int] = Future()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the template
        # Packets: an order and its file descriptors arrive together.
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [*_PYTHON, "pytest_labkit.answers.child.template", str(theirs.fileno()), preload.as_text()],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=allowed(environ),
                cwd="/",
                start_new_session=True,
            )
        self._listener = threading.Thread(target=self._listen, name="labkit-template", daemon=True)
        self._listener.start()

    @property
    def is_safe(self) -> bool:
        """Whether it has one thread: a package that starts another at import is not to be forked."""
        return self._threads.result(_WARM_S) == 1

    def fork(self) -> Child:
        """
        A new child.

        Raises:
            KitError: The template is gone.
        """
        number = next(self._numbers)
        connection, theirs = socket.socketpair()
        reading, writing = os.pipe()
        child = Child(connection, Output(reading), lambda order: self._send(child=number, do=order))
        with self._lock:
            self._children[number] = child
        try:
            order = {"child": number, "do": "fork"}
            socket.send_fds(self._control, [json.dumps(order).encode()], [theirs.fileno(), writing])
        except OSError:
            raise KitError(f"The process that starts the answers' processes ended.\n{self._why()}") from None
        finally:
            theirs.close()
            os.close(writing)
        return child

    def close(self) -> None:
        """End it, and all that it forked."""
        self._control.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join()
        self._control.close()
        self._errors.close()

    def _send(self, **order: Any) -> None:
        with contextlib.suppress(OSError):  # it is gone, and its children with it
            self._control.send(json.dumps(order).encode())

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._control.recv(1024):
                words = json.loads(data)
                if "ready" in words:
                    self._threads.set_result(words["ready"])
                elif "started" in words:
                    self._has_started(words["started"], words["pid"])
                else:
                    self._has_ended(words["ended"], words["status"])
        if not self._threads.done():
            self._threads.set_exception(KitError(f"The process to start others from ended.\n{self._why()}"))
        for number in list(self._children):
            self._has_ended(number, None)

    def _has_started(self, number: int, pid: int) -> None:
        with contextlib.suppress(OSError):  # it has ended again, or this is an old Linux
            self._children[number].process = os.pidfd_open(pid)

    def _has_ended(self, number: int, status: int | None) -> None:
        with self._lock:
            child = self._children.pop(number, None)
        if child is not None:
            child.status.set_result(status)

    def _why(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-2000:].decode("utf-8", "replace")


def spawned(environ: Mapping[str, str]) -> Child:
    """A new child where there is no template: a Python of its own. Its descendants are ended if found."""
    connection, theirs = socket.socketpair()
    reading, writing = os.pipe()
    with theirs, os.fdopen(writing) as output:
        process = subprocess.Popen(
            [*_PYTHON, "pytest_labkit.answers.child.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=allowed(environ),
            cwd="/",
            start_new_session=True,
        )

    def order(what: str) -> None:
        if what == "stacks":
            from pytest_labkit.answers.child.reaper import STACKS

            process.send_signal(STACKS)
        else:
            _kill_tree(process.pid)

    child = Child(connection, Output(reading), order)
    threading.Thread(target=lambda: child.status.set_result(process.wait()), daemon=True).start()
    return child


def _kill_tree(pid: int) -> None:
    """Kill *pid* and its descendants; one that left its session and its parents is not found."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


class Children:
    """Starts the children of one lab's run, from templates that are as warm as *preload* says."""

    def __init__(self, preload: Preload, environ: Mapping[str, str] = os.environ) -> None:
        self._preload = preload
        self._environ = environ
        self._templates: dict[str, TemplateProcess] = {}
        self._ahead: dict[str, Child] = {}  # by kind, the child that stands ready
        self._later: list[str] = []  # kinds whose template is begun when the first child has started
        self._leaving: list[Callable[[], None]] = []  # each waits until children that are ending are gone
        self._lock = threading.Lock()

    def warm(self, *kinds: str) -> None:
        """Once: have a child of the first of *kinds* ready soon, and templates of the others after it."""
        if CAN_FORK:
            first, *self._later = kinds
            with self._lock:
                self._ahead[first] = self._begin(first).fork()  # which its template does once it is warm

    @property
    def environ(self) -> dict[str, str]:
        """What a child is to be told of the environment, as it is now."""
        return allowed(self._environ)

    def leave(self, wait: Callable[[], None]) -> None:
        """Let children that have begun to end do so meanwhile; *wait* returns when they are gone."""
        self._leaving.append(wait)

    def start(self, kind: str) -> Child:
        """
        A new child, once those that were left are gone. Each kind has a hash seed of its own.

        Raises:
            KitError: It cannot be started.
        """
        if os.name == "nt":
            raise KitError("A student's process needs Linux or macOS.", "Use --lab-door direct.")
        with self._lock:
            self._await_those_who_leave()
            if not CAN_FORK:
                return spawned(self._environ)
            template = self._begin(kind)
            if not template.is_safe:
                template.close()
                template = self._templates[kind] = TemplateProcess(Preload(), self._environ)
            ready, self._ahead[kind] = self._ahead.pop(kind, None), template.fork()
            if ready is not None and ready.status.done():  # killed while it waited, or with its template
                ready.connection.close()
                ready = None
            child = ready or template.fork()
            while self._later:  # not before: it would take a core from what a test waits for
                self._begin(self._later.pop())
            return child

    def close(self) -> None:
        """End all that is left."""
        self._await_those_who_leave()
        for child in self._ahead.values():
            child.end()
            child.connection.close()
        for template in self._templates.values():
            template.close()

    def _await_those_who_leave(self) -> None:
        while self._leaving:
            self._leaving.pop()()

    def _begin(self, kind: str) -> TemplateProcess:
        if kind not in self._templates:
            self._templates[kind] = TemplateProcess(self._preload, self._environ)
        return self._templates[kind]
