"""A server that refuses to run as root runs as `nobody`, with what it cannot reach lent to it."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pytest_labkit.domain.errors import KitError
from pytest_labkit.services.jvm import unprivileged
from pytest_labkit.services.jvm.unprivileged import Tenant

JAVA = "opt/java/bin/java"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everyone can reach, with a private home and a folder for a service's data in it."""
    with TemporaryDirectory() as name:
        root = Path(name).resolve()
        root.chmod(0o755)
        for folder in ("home", "data", "opt/java/bin"):
            (root / folder).mkdir(parents=True)
        (root / "home").chmod(0o700)
        (root / JAVA).touch(0o755)
        yield root


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """As if root asked; who is made whose owner is noted, not done."""
    given: dict[str, int] = {}

    def chown(path: str | Path, user: int, _group: int, **_: object) -> None:
        given[Path(path).name] = user

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", chown)
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
    return given


def test_any_other_user_runs_it_itself(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is as it was, and files lie where they lay."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    tenant = Tenant(place / "data")
    assert ["java", "-x", "-y"] == tenant.command(["java", "-x"], ["-y"])
    assert place / "home" / "a.jar" == tenant.reach(place / "home" / "a.jar")


def test_root_becomes_nobody(place: Path, owners: dict[str, int]) -> None:
    """With none of root's rights; the folder of the service is its own."""
    (place / "data" / "config").mkdir()
    (place / "data" / "config" / "server.yml").touch()
    nobody = pwd.getpwnam("nobody")
    command = Tenant(place / "data").command([str(place / JAVA), "-x"], ["-y"])
    assert ["/usr/bin/setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}"] == command[:3]
    assert ["--clear-groups", "--no-new-privs", str(place / JAVA), "-x", "-y"] == command[3:]
    assert dict.fromkeys(("data", "config", "server.yml"), nobody.pw_uid) == owners


def test_what_lies_in_a_private_folder_is_linked(place: Path, owners: dict[str, int]) -> None:
    """Below its whole path, so that files keep their places to each other; whose it was it remains."""
    jar = place / "home" / "jars" / "a.jar"
    jar.parent.mkdir()
    jar.touch(0o644)
    tenant = Tenant(place / "data")
    lent = tenant.reach(jar)
    assert place / "data" / "lent" / jar.relative_to("/") == lent
    assert jar.samefile(lent)
    tenant.command([str(place / JAVA)], [])
    assert "a.jar" not in owners
    assert "lent" in owners


def test_what_is_itself_private_is_copied(place: Path, owners: dict[str, int]) -> None:
    """The copy is the tenant's."""
    secret = place / "home" / "archive"
    secret.write_text("classes")
    secret.chmod(0o600)
    tenant = Tenant(place / "data")
    lent = tenant.reach(secret)
    assert ("classes", False) == (lent.read_text(), secret.samefile(lent))
    tenant.command([str(place / JAVA)], [])
    assert "archive" in owners


def test_what_everyone_reaches_stays_where_it_is(place: Path, owners: dict[str, int]) -> None:
    """Nothing is linked for nothing."""
    assert place / JAVA == Tenant(place / "data").reach(place / JAVA)
    assert [] == list((place / "data").iterdir())


def test_a_java_in_a_private_folder_is_lent_whole(place: Path, owners: dict[str, int]) -> None:
    """With its libraries beside it, and the archive that an option names."""
    home = place / "home" / "jre"
    for file in ("bin/java", "lib/modules"):
        (home / file).parent.mkdir(parents=True)
        (home / file).touch(0o755)
    archive = place / "home" / "x.archive"
    archive.touch(0o644)
    options = [f"-XX:AOTCache={archive}", f"-Dhome={place / 'data'}", "-Dnone=/nowhere", "-XX:+UseSerialGC"]
    command = Tenant(place / "data").command([str(home / "bin" / "java")], options)
    lent = place / "data" / "lent"
    assert str(lent / home.relative_to("/") / "bin" / "java") == command[5]
    assert (lent / home.relative_to("/") / "lib" / "modules").is_file()
    assert [f"-XX:AOTCache={lent / archive.relative_to('/')}", *options[1:]] == command[6:]


def test_no_setpriv_is_one_plain_message(
    place: Path, owners: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be done, why, and what else there is."""
    monkeypatch.setattr(shutil, "which", lambda _program: None)
    with pytest.raises(
        KitError,
        match=r"does not run as root, and cannot be run as nobody: there is no program setpriv\.\n"
        r"Run as an ordinary user, or use --lab-backend docker or external\.",
    ):
        Tenant(place / "data").command([str(place / JAVA)], [])


def test_a_temporary_folder_of_roots_own_is_told(place: Path, owners: dict[str, int]) -> None:
    """Data that nobody can reach cannot be its."""
    (place / "home" / "data").mkdir()
    with pytest.raises(KitError, match=r"nobody cannot reach the temporary folder .*/home\."):
        Tenant(place / "home" / "data").command([str(place / JAVA)], [])


def test_another_disk_means_a_copy(
    place: Path, owners: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no link can be made."""

    def cross_device(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    (place / "home" / "a.jar").touch(0o644)
    monkeypatch.setattr(unprivileged.os, "link", cross_device)
    lent = Tenant(place / "data").reach(place / "home" / "a.jar")
    assert (True, False) == (lent.is_file(), lent.samefile(place / "home" / "a.jar"))
