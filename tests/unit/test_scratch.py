"""Temporary folders go with their makers; so do locks, and nobody else's is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_labkit.host import processes, scratch
from pytest_labkit.host.locks import FolderLock, Held, alone_in
from pytest_labkit.host.scratch import Scratch

MAKER = """
import os, sys, time
from pytest_labkit.host.scratch import Scratch
made = Scratch("answers")
(made.path / "file").touch()
print(made.path, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that no other run on this machine uses."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


@pytest.fixture
def maker() -> Iterator[Callable[[str], tuple[subprocess.Popen[str], Path]]]:
    """Starts a process that makes a folder, and gives both."""
    started = []

    def start(code: str) -> tuple[subprocess.Popen[str], Path]:
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        started.append(child)
        assert child.stdout is not None
        return child, Path(child.stdout.readline().strip())

    yield start
    for child in started:
        child.kill()
        child.communicate()


Maker = Callable[[str], tuple[subprocess.Popen[str], Path]]


def test_a_folder_goes_when_it_is_closed() -> None:
    """With all that is in it; closing twice is fine."""
    made = Scratch("answers")
    (made.path / "file").touch()
    made.close()
    made.close()
    assert not made.path.exists()


def test_a_living_maker_keeps_its_folder(maker: Maker) -> None:
    """A run beside this one is left alone."""
    _, folder = maker(MAKER)
    assert [] == scratch.sweep()
    assert folder.is_dir()


def test_a_killed_maker_loses_its_folder(maker: Maker) -> None:
    """The next run removes it."""
    child, folder = maker(MAKER)
    child.send_signal(signal.SIGKILL)
    child.wait(20)
    assert folder.is_dir()
    assert [folder] == scratch.sweep()
    assert not folder.exists()


def test_a_child_that_goes_on_keeps_the_folder(maker: Maker) -> None:
    """What a forked child of a killed run still works in is not taken from it, and goes after it."""
    code = "import os\n" + MAKER.replace(
        "print(made.path,", "child = os.fork()\nif child: print(made.path, child,"
    )
    run, told = maker(code)
    folder, _, forked = str(told).rpartition(" ")
    run.send_signal(signal.SIGKILL)
    run.wait(20)
    assert [] == scratch.sweep()
    processes.stop([processes.identity(int(forked))], grace_s=5)
    assert [Path(folder)] == scratch.sweep()


def test_a_folder_with_a_lock_is_somebodys() -> None:
    """A maker in another container has a number that means nothing here; its lock does."""
    folder = Path(tempfile.mkdtemp(prefix="labkit-answers-999999999-1.00-"))
    lock = FolderLock(folder, wait=False)
    assert [] == scratch.sweep()
    lock.release()
    assert [folder] == scratch.sweep()


@pytest.mark.parametrize("name", ["labkit-answers-x", "labkit-redis-0123456789ab", "other-1-1.00-x"])
def test_a_folder_without_a_maker_in_its_name_stays(name: str) -> None:
    """Nothing is removed on a guess."""
    folder = Path(tempfile.gettempdir()) / name
    folder.mkdir()
    assert [] == scratch.sweep()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link that bears a dead maker's name leads to nothing being removed."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (tmp_path / "labkit-answers-999999999-1.00-x").symlink_to(precious)
    assert [] == scratch.sweep()
    assert precious.is_dir()


def test_a_tag_names_a_process_again() -> None:
    """This one, from a file's name."""
    me = processes.identity()
    found = processes.owner_of(f"tiny-{processes.tag(me)}-abc.jsonl")
    assert found is not None
    assert os.getpid() == processes.find(found).pid  # type: ignore[union-attr]
    assert processes.owner_of("services.json") is None


def test_a_lock_is_exclusive(tmp_path: Path) -> None:
    """Whoever does not wait is told; afterwards it is free."""
    with alone_in(tmp_path), pytest.raises(Held, match=str(tmp_path)):
        FolderLock(tmp_path, wait=False)
    FolderLock(tmp_path, wait=False).release()


def test_a_killed_holder_lets_go_at_once(tmp_path: Path, maker: Maker) -> None:
    """No lock is ever stale."""
    holds = "import sys, time; from pathlib import Path; from pytest_labkit.host.locks import FolderLock\n"
    holds += f"lock = FolderLock(Path({str(tmp_path)!r}), wait=False); print('x', flush=True); time.sleep(60)"
    child, _ = maker(holds)
    with pytest.raises(Held, match=str(tmp_path)):
        FolderLock(tmp_path, wait=False)
    child.send_signal(signal.SIGKILL)
    child.wait(20)
    FolderLock(tmp_path, wait=False).release()
