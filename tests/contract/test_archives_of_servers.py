"""Archives of the real servers: Java takes their classes from them, and no kill leaves half of one."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import pytest_labkit
from pytest_labkit.host.settings import Settings
from pytest_labkit.services import guard, local, works
from pytest_labkit.services.catalogue import SERVICES
from pytest_labkit.services.jvm import archives, java
from pytest_labkit.services.jvm.archives import Archive


def silent(_line: str) -> None:
    """Nobody listens."""


@pytest.fixture(name="settings")
def _without_archives(settings: Settings, tmp_path: Path) -> Settings:
    """A cache that has the downloads, which are the user's, and no archive."""
    real, cache = settings.cache, tmp_path / "cache"
    SERVICES["kafka"].processes(settings, 1, silent)
    cache.mkdir()
    (cache / "jars").symlink_to(real / "jars")
    return replace(settings, cache=cache, backend="local")


def archive_of(service: str, settings: Settings) -> Archive:
    """The archive that *service* is started from."""
    archive = SERVICES[service].processes(settings, 1, silent).archive
    assert archive is not None
    return archive


def classes_from_archive(service: str, settings: Settings, options: list[str]) -> tuple[int, int]:
    """Of a start of *service* with *options*: how many classes came from an archive, and how many not."""
    recipe = SERVICES[service].processes(settings, 1, silent)
    running = local._attempt(service, recipe, settings, [*options, "-Xlog:class+load:file=loaded"])
    try:
        sources = (running.folder / "loaded").read_text().splitlines()
    finally:
        running.stop()
    archived = sum("source: shared objects file" in line for line in sources)
    return archived, len(sources) - archived


def test_java_takes_the_classes_from_the_archive(settings: Settings) -> None:
    """Nine of ten at least: those few that Java cannot keep are read from the jars."""
    service = "kafka"
    said: list[str] = []
    local.start(service, settings, say=said.append).stop()
    assert [f"{service}: {archives.PREPARING}"] == said
    archive = archive_of(service, settings)
    assert archives.is_good(archive)
    archived, others = classes_from_archive(service, settings, archive.java.using(archive.file))
    assert archived > 9 * others > 0
    archived_without, _ = classes_from_archive(service, settings, [])
    assert archived_without < archived / 2


def test_java_says_whether_it_took_an_archive(settings: Settings, tmp_path: Path) -> None:
    """One that is no archive is left aside: the server starts, and the next start makes another."""
    archive = archive_of("kafka", settings)
    archive.folder.mkdir()
    archives.options(archive, lambda part: part.write_bytes(b"no archive" * 1000), silent)
    running = local.start("kafka", settings)
    try:
        assert works(running.endpoint)
        assert not java.used_archive(running.first_words())
    finally:
        running.stop()
    assert not archive.file.exists()


def eventually(look: Callable[[], bool], *, within_s: float = 120) -> bool:
    """Whether *look* becomes true in time."""
    deadline = time.monotonic() + within_s
    while not (true := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return true


def javas(settings: Settings) -> list[psutil.Process]:
    """The Javas that make an archive in this cache."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(settings.cache / "archives") in word for word in process.info["cmdline"] or [])
    ]


def test_kill_9_while_one_is_made(settings: Settings) -> None:
    """The Java that made it ends too; what it wrote is not used, and the next start makes a whole one."""
    program = (
        "from pathlib import Path; from dataclasses import replace\n"
        "from pytest_labkit.host import settings; from pytest_labkit.services import local\n"
        f"root, cache = Path({str(settings.root)!r}), Path({str(settings.cache)!r})\n"
        "local.start('kafka', replace(settings.resolve(root), cache=cache))\n"
    )
    run = subprocess.Popen([sys.executable, "-c", program], cwd=Path(pytest_labkit.__file__).parents[1])
    try:
        assert eventually(lambda: bool(javas(settings)))
    finally:
        run.send_signal(signal.SIGKILL)
        assert -signal.SIGKILL == run.wait(10)
    assert eventually(lambda: not javas(settings) and not any(guard.folder(settings.root).glob("*.json")))
    archive = archive_of("kafka", settings)
    assert not archives.is_good(archive)
    local.start("kafka", settings).stop()
    assert archives.is_good(archive)
    assert not archive.part.exists()


def test_an_archive_that_java_cannot_write(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server starts all the same; it is said once, and not tried again at the next start."""
    nowhere = settings.cache / "archives" / "nowhere" / "part"
    monkeypatch.setattr(Archive, "part", property(lambda _: nowhere))
    said: list[str] = []
    running = local.start("kafka", settings, say=said.append)
    try:
        assert works(running.endpoint)
    finally:
        running.stop()
    assert 2 == len(said)
    assert said[1].startswith("kafka starts without an archive of its classes, some seconds slower: ")
    local.start("kafka", settings, say=said.append).stop()
    assert 2 == len(said)
