"""The libraries of the page are those of their pinned versions, with their licences, and come along."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pytest_labkit import simulator
from tests.simulator.conftest import ROOT

ASSETS = Path(simulator.__file__).parent / "assets"
FOLDERS = [ASSETS / "vendored", Path(__file__).parent / "vendored"]


@pytest.mark.parametrize("folder", FOLDERS, ids=["page", "tests"])
def test_each_file_is_the_one_that_was_packed(folder: Path) -> None:
    """By its SHA-512; nothing else lies there, and each has its licence."""
    packages = json.loads((folder / "vendored.json").read_text())
    told = {name: digest for package in packages.values() for name, digest in package["files"].items()}
    found = {
        f.name: hashlib.sha512(f.read_bytes()).hexdigest()
        for f in folder.iterdir()
        if f.name != "vendored.json"
    }
    assert told == found
    assert all(any(name.endswith("LICENSE") for name in package["files"]) for package in packages.values())


def test_the_page_asks_nobody_else() -> None:
    """No file of ours names another host, but that of the name space of SVG."""
    for file in ASSETS.glob("simulator.*"):
        assert "//" not in file.read_text().replace("// ", "").replace("ws://${location.host}", ""), file.name


def test_every_package_of_the_wheel_has_its_files() -> None:
    """They lie inside of the package that the wheel is made of."""
    assert {"simulator.html", "simulator.css", "simulator.js"} <= {file.name for file in ASSETS.iterdir()}


@pytest.mark.exhaustive
def test_the_wheel_has_the_page(tmp_path: Path) -> None:
    """Each file of it, byte for byte; what only tests need stays here."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path)]
    subprocess.run([*command, str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        for file in filter(Path.is_file, ASSETS.rglob("*")):
            assert file.read_bytes() == packed.read(file.relative_to(ROOT).as_posix())
        assert not [name for name in packed.namelist() if "axe" in name]
