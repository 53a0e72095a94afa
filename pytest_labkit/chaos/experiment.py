"""An experiment of Chaos Toolkit's, and its run by the real `chaos`."""

from __future__ import annotations

import contextlib
import json
import os
import reprlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_labkit.chaos import named
from pytest_labkit.domain.errors import Mistake
from pytest_labkit.host.children import Child

VARIABLE = "LABKIT_SYSTEM"
"""Names, in the environment of `chaos`, the file that the system is written down in."""

LEFT = "LABKIT_LEFT"
"""Names, in the environment of `chaos`, the file for what it had begun and not undone at its end."""

_QUIET = ("--no-version-check", "--no-log-file")
_VALIDATE_S = 60.0

Activity = Mapping[str, Any]


@dataclass(frozen=True)
class Journal:
    """
    What `chaos` says of a run in its journal, and what it printed.

    *status* is that of the journal: completed, failed, aborted or interrupted. *left* is what its actions had
    begun on ways and as pressure and had not undone at its end.
    """

    status: str
    deviated: bool
    runs: tuple[Activity, ...]
    rollbacks: tuple[Activity, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    output: str
    left: tuple[str, ...] = ()

    def outputs(self, func: str) -> list[Any]:
        """What the probes of the method that call *func* gave, in their order; `None` for one that failed."""
        return [run.get("output") for run in self.runs if called(run["activity"])[1] == func]


@dataclass(frozen=True)
class Experiment:
    """An experiment in *file*, and what stands there; it may call *probes* of the lab's, see `named`."""

    file: Path
    content: Mapping[str, Any]
    probes: Mapping[str, str] = field(default_factory=dict)

    def activities(self) -> Iterator[Activity]:
        """All that it does and looks at: hypothesis, method, rollbacks."""
        yield from (self.content.get("steady-state-hypothesis") or {}).get("probes") or ()
        yield from self.content.get("method") or ()
        yield from self.content.get("rollbacks") or ()

    def validate(self) -> None:
        """Have `chaos validate` look at it; raises `Mistake` with what it says if it is not valid."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "chaostoolkit", *_QUIET, "validate", self.file.name],
            cwd=self.file.parent,
            env=_environ(self.probes),
            capture_output=True,
            text=True,
            timeout=_VALIDATE_S,
            check=False,
        )
        if done.returncode != 0:
            raise Mistake(
                checked="", expected=f"chaos validate to accept {self.file.name}", got=_said(done.stderr)
            )

    def start(self, system: Path, folder: Path) -> Running:
        """Run it on the system written down in the file *system*; what comes of it goes to *folder*."""
        folder.mkdir(parents=True, exist_ok=True)
        journal, log, left = folder / "journal.json", folder / "chaos.log", folder / "left.json"
        with log.open("wb") as output:
            options = [*_QUIET, "run", "--rollback-strategy", "always", "--journal-path", str(journal)]
            process = Child(
                "pytest_labkit.chaos.child",
                *(*options, str(self.file.resolve())),
                cwd=folder,
                env=_environ(self.probes) | {VARIABLE: str(system), LEFT: str(left)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return Running(process, journal, log, left)


class Running:
    """A `chaos run` that has begun."""

    def __init__(self, process: Child, journal: Path, log: Path, left: Path) -> None:
        self._process = process
        self._journal = journal
        self._log = log
        self._left = left

    @property
    def ended(self) -> bool:
        """Whether it has come to its end."""
        return self._process.poll() is not None

    def interrupt(self) -> None:
        """SIGINT, as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def wait(self, within_s: float) -> Journal:
        """
        Its journal, when it has ended.

        Raises:
            Mistake: It has not ended after *within_s* seconds, or it did not begin.
        """
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.end()
            raise Mistake(
                checked="",
                expected=f"the experiment to end within {within_s:g} s",
                got=f"it still ran; its last words: {_said(self._output())}",
            ) from None
        self.end()
        try:
            told = json.loads(self._journal.read_text("utf-8"))
        except (OSError, ValueError):
            raise Mistake(
                checked="", expected="chaos to run the experiment", got=f"it said: {_said(self._output())}"
            ) from None
        states = told["steady_states"]
        return Journal(
            told["status"],
            bool(told["deviated"]),
            tuple(told["run"]),
            tuple(told["rollbacks"]),
            states["before"] or {},
            states["after"] or {},
            self._output(),
            tuple(json.loads(self._left.read_text("utf-8"))) if self._left.exists() else (),
        )

    def end(self) -> None:
        """End it, if it has not ended: asked to, so that it takes back what it has begun, then killed."""
        for ask in (self._process.terminate, self._process.kill):
            if self.ended:
                break
            ask()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5.0)
        self._process.end()

    def until(self, seen: Callable[[], bool], within_s: float) -> bool:
        """Whether *seen* comes true before it ends, and within *within_s* seconds."""
        deadline = time.monotonic() + within_s
        while not self.ended and time.monotonic() < deadline:
            if seen():
                return True
            time.sleep(0.02)
        return False

    def _output(self) -> str:
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""


def called(activity: Activity) -> tuple[str, str]:
    """The module and the function that *activity* calls; empty where it is none of Python's."""
    provider = activity.get("provider") or {}
    module, func = provider.get("module", ""), provider.get("func", "")
    return _text(module), _text(func)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)


def shown(value: Any) -> str:
    """*value* in short, however much YAML's aliases make of it."""
    short = reprlib.Repr()
    short.maxlevel, short.maxdict, short.maxlist, short.maxstring = 1, 10, 10, 200
    return short.repr(value)[:200]


def _environ(probes: Mapping[str, str]) -> dict[str, str]:
    """The environment, with this kit and the lab's *probes* to be found in it."""
    here = str(Path(__file__).parents[2])
    path = os.pathsep.join(p for p in (here, os.environ.get("PYTHONPATH", "")) if p)
    return {**os.environ, "PYTHONPATH": path, named.VARIABLE: json.dumps(dict(probes))}


def _said(output: str) -> str:
    """The last lines of what `chaos` printed, in one."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " / ".join(lines[-3:]) or "nothing"
