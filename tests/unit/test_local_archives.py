"""A server starts from its archive: with a fake Java that makes it, fails to, or does not take it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_labkit.host import settings
from pytest_labkit.services import local
from pytest_labkit.services.base import Endpoint
from pytest_labkit.services.catalogue import SERVICES
from pytest_labkit.services.jvm.archives import Archive
from pytest_labkit.services.jvm.java import Java
from pytest_labkit.services.recipes import ProcessRecipe, Program

# Listens on the port that is its last argument. Does with the options of an archive what Java 25 does.
FAKE_JAVA = f"""#!{sys.executable}
import signal, socket, sys, time
from pathlib import Path

words = sys.argv[1:]
options = dict(word.removeprefix("-XX:").split("=", 1) for word in words if "=" in word)
home = Path(__file__).parent
with (home / "calls").open("a") as calls:
    calls.write(options.get("AOTMode", "from archive" if "AOTCache" in options else "plain") + "\\n")
broken = (home / "broken").read_text().split() if (home / "broken").exists() else []
mode = options.get("AOTMode")
if mode == "create":
    notes = Path(options["AOTConfiguration"]).read_text()
    Path(options["AOTCache"]).write_text("" if "create" in broken else notes)
    sys.exit("there is no room" if "create" in broken else 0)
if mode == "on":
    sys.exit(0 if Path(options["AOTCache"]).read_text() == "classes" else "Unable to use AOT cache.")
if "AOTCache" in options:
    if "dies" in broken:
        sys.exit("SIGSEGV")
    print("Fake VM (build 25, mixed mode" + ("" if "refuses" in broken else ", sharing") + ")", flush=True)

def end(*_):
    if mode == "record":
        Path(options["AOTConfiguration"]).write_text("" if "record" in broken else "classes")
    sys.exit(0)

signal.signal(signal.SIGTERM, end)
with socket.create_server(("127.0.0.1", int(words[-1]))) as server:
    while True:
        server.accept()[0].close()
"""


class Fake:
    """A service on a fake Java, the starts of which are listed."""

    def __init__(self, folder: Path) -> None:
        self.settings = settings.resolve(folder / "checkout")
        self.said: list[str] = []
        (folder / "java").write_text(FAKE_JAVA)
        (folder / "java").chmod(0o755)
        (folder / "server.jar").touch()
        self.folder = folder
        self.java = Java(folder / "java", "25", "PATH")
        self.archive = Archive("fake", self.java, (folder / "server.jar",), folder / "archives")

    def recipe(self, *_: object) -> ProcessRecipe:
        """How it is started."""

        def prepare(
            _folder: Path, ports: list[int], options: Sequence[str]
        ) -> tuple[list[Program], Endpoint]:
            command = [*self.java.command, *options, str(ports[0])]
            return [Program(command, ports[0], "log")], Endpoint(
                "fake", "local", "1", f"127.0.0.1:{ports[0]}"
            )

        return ProcessRecipe(1, prepare, probe, "a connection", 30, self.archive)

    def breaks(self, *how: str) -> None:
        """From now on its Java is broken so."""
        (self.folder / "broken").write_text(" ".join(how))

    def starts(self) -> list[str]:
        """The Javas of one start of the service, which is stopped again."""
        calls = self.folder / "calls"
        calls.unlink(missing_ok=True)
        local.start("fake", self.settings, say=self.said.append).stop()
        return calls.read_text().split("\n")[:-1]


def probe(endpoint: Endpoint) -> None:
    """It takes connections."""
    host, port = endpoint.address.split(":")
    socket.create_connection((host, int(port)), 5).close()


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """A service on a Java that does all that it should."""
    made = Fake(tmp_path)
    service = replace(SERVICES["redis"], name="fake", processes=made.recipe)
    monkeypatch.setitem(SERVICES, "fake", service)
    return made


def test_the_first_start_makes_it_and_all_start_from_it(fake: Fake) -> None:
    """A start that is recorded, the archive made, tried, and used; the next start only uses it."""
    assert ["record", "create", "on", "from archive"] == fake.starts()
    assert ["from archive"] == fake.starts()
    assert 1 == len(fake.said)
    assert not list((fake.settings.root / ".labkit" / "run").glob("*.json"))


@pytest.mark.parametrize("step", ["record", "create"])
def test_without_an_archive_it_starts_as_before(fake: Fake, step: str) -> None:
    """Java notes nothing, or cannot write the archive: said once, and no half archive is left."""
    fake.breaks(step)
    assert "plain" == fake.starts()[-1]
    assert ["plain"] == fake.starts()
    assert 2 == len(fake.said)
    assert fake.said[1].startswith("fake starts without an archive of its classes, some seconds slower: ")
    assert {"record": "Unable to use AOT cache.", "create": "there is no room"}[step] in fake.said[1]
    assert not list(fake.archive.folder.glob("*.archive")) + list(fake.archive.folder.glob("*.part"))


def test_one_that_java_does_not_take_is_replaced(fake: Fake) -> None:
    """This start goes on without it; the next one makes another."""
    fake.starts()
    fake.breaks("refuses")
    assert ["from archive"] == fake.starts()
    fake.breaks()
    assert ["record", "create", "on", "from archive"] == fake.starts()


def test_one_that_java_dies_of_is_thrown_away(fake: Fake) -> None:
    """The service is started again without it, and the run goes on."""
    fake.starts()
    fake.breaks("dies")
    assert ["from archive", "plain"] == fake.starts()
    fake.breaks()
    assert ["record", "create", "on", "from archive"] == fake.starts()
