"""
What a run has started on this machine goes when the run is gone, even if it was killed.

Each service of a run has a note in `.labkit/run/`: its processes, its folder, and the process that owns
it. This module, run as a program, looks at the notes twice a second and ends what no longer has an owner;
it ends itself with the last note. The next run does the same once at its start, should the guard be
gone too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pytest_labkit.host import processes
from pytest_labkit.host.processes import Identity

PREFIX = "labkit-"
"""The names of all folders that services keep their data in begin so; no other is ever removed."""

_EVERY_S = 0.5


def folder(root: Path) -> Path:
    """The notes of the checkout at *root*."""
    return root / ".labkit" / "run"


def new_note(root: Path, service: str) -> Path:
    """The file for the note of a *service* about to be started; not there yet."""
    return folder(root) / f"{service}-{uuid.uuid4().hex[:12]}.json"


def owner(environ: Mapping[str, str]) -> Identity:
    """Who a service belongs to: this process, or of a pytest-xdist worker the run that it is part of."""
    return processes.identity(os.getppid() if "PYTEST_XDIST_WORKER" in environ else None)


def write(note: Path, description: Mapping[str, Any], owner: Identity) -> None:
    """Write or replace *note*, and see to it that a guard watches."""
    note.parent.mkdir(parents=True, exist_ok=True)
    with _notes_lock(note.parent):
        replace_file(note, {"owner": owner, **description})
    if _guard_lock_is_free(note.parent):
        processes.outlives(
            subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(note.parent)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )


def rewrite(note: Path, description: Mapping[str, Any]) -> None:
    """Write what has changed of a service into its *note*; whose it is stays."""
    with _notes_lock(note.parent):
        replace_file(note, {"owner": json.loads(note.read_text("utf-8"))["owner"], **description})


def announce(root: Path, service: str, environ: Mapping[str, str]) -> tuple[Path, Path]:
    """
    A new note, and the folder that the *service* about to be started is to keep its data in.

    The note is written before the folder is made, so that there is no moment in which being killed
    leaves a folder or a process that nobody knows of.
    """
    data = Path(tempfile.gettempdir()).resolve() / f"{PREFIX}{service}-{uuid.uuid4().hex[:12]}"
    note = new_note(root, service)
    write(note, {"service": service, "folder": str(data), "processes": []}, owner(environ))
    data.mkdir(mode=0o700)
    return note, data


def replace_file(file: Path, content: Mapping[str, Any]) -> None:
    """Write *content* as JSON; whoever reads *file* meanwhile sees the old or the new, never half."""
    new = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}")
    new.write_text(json.dumps(content, indent=1), encoding="utf-8")
    new.replace(file)


def end(identities: Iterable[Identity], data: Path, note: Path | None) -> None:
    """End a service: its processes, then its folder *data*, then its note."""
    processes.stop(identities, grace_s=0)  # all that it stored goes with it: there is nothing to put in order
    if data.name.startswith(PREFIX):
        shutil.rmtree(data, ignore_errors=True)
    if note is not None:
        note.unlink(missing_ok=True)


def sweep(notes: Path) -> list[str]:
    """End the services noted in the folder *notes* whose owner is gone; gives their names."""
    ended = []
    for note in notes.glob("[!.]*.json"):
        try:
            said = json.loads(note.read_text("utf-8"))
            if processes.find(said["owner"]):
                continue
            data = Path(said["folder"])
            # Killed between the start of a process and the writing of its number: it works in the folder.
            unnoted = processes.working_in(data) if data.name.startswith(PREFIX) else []
            end([*said["processes"], *unnoted], data, note)
            ended.append(str(said["service"]))
        except FileNotFoundError:
            continue  # its run ended it a moment ago
        except (ValueError, KeyError, TypeError):
            note.unlink(missing_ok=True)  # not written by this version of the kit
    return ended


def _notes_lock(notes: Path) -> FileLock:
    return FileLock(notes / "notes.lock")


def _guard_lock(notes: Path) -> FileLock:
    return FileLock(notes / "guard.lock", timeout=0)


def _guard_lock_is_free(notes: Path) -> bool:
    try:
        with _guard_lock(notes):
            return True
    except Timeout:
        return False


def main(notes: Path) -> None:
    """Watch over *notes* until there are none; does nothing beside another guard."""
    try:
        with _guard_lock(notes) as alone:
            while True:
                sweep(notes)
                # Under this lock no note appears: whoever writes the next one starts the next guard.
                with _notes_lock(notes):
                    if not any(notes.glob("[!.]*.json")):
                        alone.release()
                        return
                time.sleep(_EVERY_S)
    except Timeout:
        return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
