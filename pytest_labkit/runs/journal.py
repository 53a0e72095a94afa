"""
What has finished, on the disk before anything else happens: a line of JSON for each test.

A run that is killed writes no report. Its journal, which bears its process in the name, is what the
next run makes the report from. A line that was cut off is no line, and so is all that follows it.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_labkit.domain.model import ServiceInfo
from pytest_labkit.host import processes
from pytest_labkit.runs.outcome import Outcome

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)


def folder(root: Path) -> Path:
    """The journals of the checkout at *root*."""
    return root / ".labkit" / "journal"


class Journal:
    """
    The journal in *folder* of a run of the lab called *lab*, begun now with *head*.

    Where it cannot be written (a full disk) the run goes on without: *say* is told once what that means.
    """

    def __init__(
        self, folder: Path, lab: str, head: Mapping[str, Any], say: Callable[[str], None] = lambda _: None
    ) -> None:
        me = processes.identity()
        self._file = folder / f"{lab}-{processes.tag(me)}-{secrets.token_hex(4)}.jsonl"
        self._say = say
        self._began = time.monotonic()
        self._descriptor: int | None = None
        with self._or_without():
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._file, _NEW, 0o666)
        self._write(head={**me, **head})

    def finished(self, outcome: Outcome) -> None:
        """A test has ended so; when this returns, no kill and no power failure loses it."""
        self._write(outcome=outcome.as_data())

    def left_out(self, criterion: str, test: str) -> None:
        """A test was not run, as its criterion was decided."""
        self._write(left_out=[criterion, test])

    def using(self, services: Mapping[str, ServiceInfo]) -> None:
        """The run uses these services."""
        self._write(services={name: asdict(info) for name, info in services.items()})

    def discard(self) -> None:
        """The report is written: the journal is not needed any more."""
        self._close()
        with suppress(OSError):
            self._file.unlink()

    def _write(self, **content: Any) -> None:
        if self._descriptor is None:
            return
        line = json.dumps({"at_s": round(time.monotonic() - self._began, 3), **content}) + "\n"
        rest = line.encode("ascii")
        with self._or_without():
            while rest:  # a disk that fills up takes a part of it before it refuses
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)

    @contextmanager
    def _or_without(self) -> Iterator[None]:
        """Go on without a journal if it cannot be written; what is in it stays readable."""
        try:
            yield
        except OSError as error:
            self._close()
            why = error.strerror or error
            self._say(f"The journal cannot be written ({why}): if this run is killed, its verdicts are lost.")

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


@dataclass
class Journaled:
    """What the journal *file* of a run that is gone holds; *lasted_s* is when its last line was written."""

    file: Path
    head: Mapping[str, Any]
    outcomes: list[Outcome] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    services: dict[str, ServiceInfo] = field(default_factory=dict)
    lasted_s: float = 0.0


def orphans(folder: Path) -> list[Path]:
    """The journals in *folder* whose runs are gone, oldest first."""
    found = [(processes.owner_of(file.name), file) for file in folder.glob("*.jsonl")]
    gone = [(owner["started"], file) for owner, file in found if owner and processes.find(owner) is None]
    return [file for _, file in sorted(gone)]


def read(file: Path) -> Journaled | None:
    """What *file* holds, as far as it can be read; `None` if not even its first line can."""
    lines = list(_lines(file))
    if not lines or "head" not in lines[0]:
        return None
    found = Journaled(file, lines[0]["head"])
    with suppress(KeyError, TypeError, ValueError):
        for line in lines:
            if "outcome" in line:
                found.outcomes.append(Outcome.of(line["outcome"]))
            if "left_out" in line:
                criterion, test = line["left_out"]
                found.left_out.append((criterion, test))
            for name, info in line.get("services", {}).items():
                found.services[name] = ServiceInfo(**info)
            found.lasted_s = float(line["at_s"])
    return found


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_bytes().splitlines(keepends=True):
        try:
            content = json.loads(line)
        except ValueError:
            return
        if not line.endswith(b"\n") or not isinstance(content, dict):
            return
        yield content
