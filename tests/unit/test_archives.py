"""An archive of a server's classes is made once, used only whole, and never the reason that a start fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from pytest_labkit.host.settings import resolve
from pytest_labkit.services import doctor
from pytest_labkit.services.doctor import Check
from pytest_labkit.services.jvm import archives
from pytest_labkit.services.jvm.archives import Archive
from pytest_labkit.services.jvm.java import Java

NONE_YET = "none yet: the first start of a server makes them"
CONTENT = b"classes" * 100


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """That of a server of one jar on a Java 25; it is not there yet."""
    jar, java = tmp_path / "server.jar", tmp_path / "jre" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch()
    jar.write_bytes(b"jar")
    return Archive("kafka", Java(java, "25.0.2", "PATH"), (jar,), tmp_path / "archives")


class Maker:
    """Stands for a start that is recorded: writes the archive, or fails after half of it."""

    def __init__(self, fails_with: Exception | None = None) -> None:
        self.fails_with = fails_with
        self.made = 0
        self.said: list[str] = []

    def __call__(self, part: Path) -> None:
        self.made += 1
        part.write_bytes(CONTENT[: len(CONTENT) // 2] if self.fails_with else CONTENT)
        if self.fails_with:
            raise self.fails_with

    def options(self, archive: Archive) -> list[str]:
        """What a start of a server gets."""
        return archives.options(archive, self, self.said.append)


def test_it_is_made_once_and_used_ever_after(archive: Archive) -> None:
    """The first start says what it does; the second takes what is there, and is silent."""
    first, second = Maker(), Maker()
    assert archive.java.using(archive.file) == first.options(archive)
    assert CONTENT == archive.file.read_bytes()
    assert [
        "kafka: preparing for quick starts, once on this machine (about 10 s if it is idle)"
    ] == first.said
    assert archive.java.using(archive.file) == second.options(replace(archive))
    assert (0, []) == (second.made, second.said)


def test_java_is_told_of_it_as_its_version_wants(archive: Archive) -> None:
    """AOT from 24 on, CDS before; each says at the start of its log whether it took it."""
    file = Path("a.archive")
    old = replace(archive.java, version="17.0.15")
    assert ["-XX:AOTCache=a.archive", "-Xlog:aot*=error", "--show-version"] == archive.java.using(file)
    assert ["-XX:SharedArchiveFile=a.archive", "--show-version"] == old.using(file)
    assert "-XX:AOTMode=on" in archive.java.insisting(file)
    assert "-Xshare:on" in old.insisting(file)


def test_one_that_cannot_be_made_is_said_once_and_not_tried_for_a_day(archive: Archive) -> None:
    """The server starts without; the next day it is tried again."""
    failing, again = Maker(RuntimeError("it died\nof this")), Maker()
    assert [] == failing.options(archive)
    assert "kafka starts without an archive of its classes, some seconds slower: it died" == failing.said[-1]
    assert not archive.part.exists()
    assert [] == again.options(archive)
    assert (0, []) == (again.made, again.said)
    day_ago = time.time() - archives.AGAIN_AFTER_S - 1
    os.utime(archive.record, (day_ago, day_ago))
    assert archive.java.using(archive.file) == again.options(archive)


def test_a_full_disk_is_noticed_before(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is begun where there is no room for it."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=12_000_000))
    maker = Maker()
    assert [] == maker.options(archive)
    assert 0 == maker.made
    assert maker.said[-1].endswith(f"slower: {archive.folder} has 12 MB free, and 500 are wanted")


def test_a_cache_that_cannot_be_written_stops_nothing(archive: Archive) -> None:
    """There is a file where the folder should be: said, and the server starts without."""
    archive.folder.write_text("")
    maker = Maker()
    assert [] == maker.options(archive)
    assert 0 == maker.made
    assert maker.said[0].startswith("kafka starts without an archive of its classes, some seconds slower: ")


def cut(file: Path) -> None:
    """Half of it is missing."""
    os.truncate(file, file.stat().st_size // 2)


def scratch(file: Path) -> None:
    """As long as it was, with another byte in the middle."""
    with file.open("r+b") as content:
        content.seek(file.stat().st_size // 2)
        content.write(b"\x00")


@pytest.mark.parametrize("damage", [cut, scratch, Path.unlink])
def test_a_damaged_one_is_made_anew(archive: Archive, damage: Callable[[Path], None]) -> None:
    """Cut off, changed or gone: it is not what was written down."""
    Maker().options(archive)
    damage(archive.file)
    maker = Maker()
    assert archive.java.using(archive.file) == maker.options(archive)
    assert 1 == maker.made
    assert CONTENT == archive.file.read_bytes()


def test_one_that_java_did_not_take_is_made_anew(archive: Archive) -> None:
    """It is thrown away, and the next start makes another."""
    Maker().options(archive)
    archives.discard(archive)
    assert not archive.file.exists()
    maker = Maker()
    maker.options(archive)
    assert 1 == maker.made


def test_another_jre_or_jar_is_another_archive(archive: Archive) -> None:
    """A newer Java, a vendor's own build, a jar with another content: each has its own."""
    names = {archive.file.name}
    names.add(replace(archive, java=replace(archive.java, version="25.0.3")).file.name)
    (archive.java.program.parent.parent / "release").write_text('IMPLEMENTOR="X"')
    names.add(replace(archive).file.name)
    archive.class_path[0].write_bytes(b"another jar")
    names.add(replace(archive).file.name)
    assert 4 == len(names)


def test_the_same_jre_elsewhere_has_the_same_archive(archive: Archive, tmp_path: Path) -> None:
    """Every virtual environment has its own copy of the wheel's JRE; an archive serves them all."""
    copy = tmp_path / "another" / "jre"
    shutil.copytree(archive.java.program.parent.parent, copy)
    there = replace(archive, java=replace(archive.java, program=copy / "bin" / "java"))
    assert archive.file == there.file


def test_what_another_run_is_making_is_not_waited_for(archive: Archive) -> None:
    """Of two runs at once one makes it, and the other starts without at once, and says nothing."""
    archive.folder.mkdir()
    maker = Maker()
    with FileLock(archive.folder / "kafka.lock"):
        assert [] == maker.options(archive)
    assert (0, []) == (maker.made, maker.said)


def test_kill_9_in_the_middle_leaves_nothing_that_is_used(archive: Archive) -> None:
    """Half of it lies there under another name; the next run makes a whole one, and removes that."""
    program = (
        "import time; from pathlib import Path; from pytest_labkit.services.jvm import archives, java\n"
        "def make(part):\n    part.write_bytes(b'half'); print('half', flush=True); time.sleep(60)\n"
        f"java = java.Java(Path({str(archive.java.program)!r}), '25.0.2', 'PATH')\n"
        f"jars, folder = (Path({str(archive.class_path[0])!r}),), Path({str(archive.folder)!r})\n"
        "archives.options(archives.Archive('kafka', java, jars, folder), make, lambda _: None)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert "half\n" == run.stdout.readline()
        run.send_signal(signal.SIGKILL)
        assert -signal.SIGKILL == run.wait(10)
    assert b"half" == archive.part.read_bytes()
    assert not archives.is_good(archive)
    maker = Maker()
    assert archive.java.using(archive.file) == maker.options(archive)
    assert {archive.file, archive.record, archive.folder / "kafka.lock"} == set(archive.folder.iterdir())


def test_archives_of_what_is_gone_are_removed(archive: Archive, tmp_path: Path) -> None:
    """Those whose JRE or jars do not exist any more go when the next one is made; other servers' stay."""
    kept = tmp_path / "kept.jar"
    kept.touch()
    of_dynamodb = replace(archive, server="dynamodb")
    without_jre = replace(archive, java=replace(archive.java, program=tmp_path / "gone" / "java"))
    for made in (archive, without_jre, of_dynamodb):
        Maker().options(made)
    archive.class_path[0].unlink()
    latest = replace(archive, class_path=(kept,))
    Maker().options(latest)
    assert {latest.file, of_dynamodb.file} == set(archive.folder.glob("*.archive"))
    assert {latest.record, of_dynamodb.record} == set(archive.folder.glob("*.json"))


def test_no_more_than_a_few_are_kept(archive: Archive) -> None:
    """Of those that could still be used, the one that was not used for longest goes."""
    made = [replace(archive, java=replace(archive.java, version=f"25.0.{n}")) for n in range(4)]
    for age, one in enumerate(made[:3]):
        Maker().options(one)
        os.utime(one.record, (time.time() - 100 + age,) * 2)
    assert archives.is_good(made[0])  # used, so that the second is the oldest now
    Maker().options(made[3])
    assert {made[0].file, made[2].file, made[3].file} == set(archive.folder.glob("*.archive"))


def test_what_is_there_is_told(archive: Archive) -> None:
    """Each server's, with its size, or with the reason why there is none."""
    Maker().options(archive)
    Maker(OSError("no room")).options(replace(archive, server="dynamodb"))
    dynamodb, kafka = archives.found(archive.folder)
    assert ("dynamodb", 0, "no room") == (dynamodb["server"], dynamodb["size"], dynamodb["failed"])
    assert ("kafka", len(CONTENT), "25.0.2") == (kafka["server"], kafka["size"], kafka["version"])
    assert [str(archive.class_path[0])] == json.loads(archive.record.read_text())["jars"]


def test_doctor_tells_of_archives(archive: Archive, tmp_path: Path) -> None:
    """That there are none yet; how large they are; or why there is none, and what that means."""
    settings = replace(resolve(tmp_path), cache=tmp_path)
    assert Check("archives", True, NONE_YET, needed=False) == doctor._archives(settings)
    Maker().options(archive)
    assert Check("archives", True, "kafka 0 MB (Java 25.0.2)", needed=False) == doctor._archives(settings)
    Maker(OSError("no room")).options(replace(archive, server="dynamodb"))
    failed = doctor._archives(settings)
    assert (False, "could not be made: dynamodb: no room", False) == (failed.ok, failed.found, failed.needed)
    assert failed.advice is not None
    assert f"once {tmp_path / 'archives'} is removed" in failed.advice
