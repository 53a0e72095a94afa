"""Of DynamoDB Local's jar a copy is made that Java makes an archive of."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pytest_labkit.services.jvm import dynamodb_jar


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    """A jar with a class path in its manifest."""
    path = tmp_path / "DynamoDBLocal-3.1.0.jar"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\nClass-Path: . lib/a.jar\r\n\r\n")
        made.writestr("com/", "")
        made.writestr("com/Server.class", b"server" * 1000)
    return path


@pytest.fixture
def launcher(tmp_path: Path) -> Path:
    """The kit's own class."""
    path = tmp_path / "launcher.jar"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("Launcher.class", b"launcher")
    return path


def test_the_copy_has_all_classes_and_no_class_path(jar: Path, launcher: Path, tmp_path: Path) -> None:
    """A folder on the class path would keep Java from making an archive."""
    with zipfile.ZipFile(dynamodb_jar.archivable(jar, launcher, tmp_path / "copies")) as copy:
        assert ["META-INF/MANIFEST.MF", "Launcher.class", "com/Server.class"] == copy.namelist()
        assert b"Manifest-Version: 1.0\r\n\r\n" == copy.read("META-INF/MANIFEST.MF")
        assert b"server" * 1000 == copy.read("com/Server.class")
        assert b"launcher" == copy.read("Launcher.class")


def test_it_is_made_once(jar: Path, launcher: Path, tmp_path: Path) -> None:
    """The second time it is the same file; whoever makes it, it has the same time, which Java compares."""
    copy = dynamodb_jar.archivable(jar, launcher, tmp_path / "copies")
    before = copy.stat()
    assert copy == dynamodb_jar.archivable(jar, launcher, tmp_path / "copies")
    assert before.st_ino == copy.stat().st_ino
    elsewhere = dynamodb_jar.archivable(jar, launcher, tmp_path / "elsewhere")
    assert (copy.name, before.st_mtime, copy.read_bytes()) == (
        elsewhere.name,
        elsewhere.stat().st_mtime,
        elsewhere.read_bytes(),
    )


def test_a_damaged_copy_is_made_anew(jar: Path, launcher: Path, tmp_path: Path) -> None:
    """Its name says what its digest has to be."""
    copy = dynamodb_jar.archivable(jar, launcher, tmp_path / "copies")
    whole = copy.read_bytes()
    copy.write_bytes(whole[:-10])
    assert copy == dynamodb_jar.archivable(jar, launcher, tmp_path / "copies")
    assert whole == copy.read_bytes()


def test_another_version_has_a_copy_of_its_own(jar: Path, launcher: Path, tmp_path: Path) -> None:
    """Of the jar or of the launcher; nothing unfinished lies beside them."""
    copies = {dynamodb_jar.archivable(jar, launcher, tmp_path / "copies")}
    with zipfile.ZipFile(launcher, "a") as changed:
        changed.writestr("Another.class", b"another")
    copies.add(dynamodb_jar.archivable(jar, launcher, tmp_path / "copies"))
    assert 2 == len(copies)
    assert copies == set((tmp_path / "copies").iterdir())
