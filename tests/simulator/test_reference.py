"""What docs/reference.md says of the simulator is what there is."""

from __future__ import annotations

import json
import re

from labs.lab1 import simulation
from tests.simulator.conftest import ROOT

PAGE = (ROOT / "docs" / "reference.md").read_text().split("\n## The simulator\n")[1].split("\n## ")[0]
KIT = ROOT / "pytest_labkit" / "simulator"
USED = re.compile(r"(?:offer|lab|_reader|_sender|beside\(\"simulation\"\))\.([A-Za-z_]+)")


def told() -> set[str]:
    """The names in the first column of the table."""
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)", row)}


def test_all_that_is_asked_of_a_lab_is_told() -> None:
    """Each name that the package takes from a lab's `simulation.py`, and none besides."""
    code = "\n".join(file.read_text() for file in KIT.glob("*.py"))
    asked = {name for name in USED.findall(code) if hasattr(simulation, name)}
    assert asked == told()


def test_the_libraries_of_the_page_are_told_with_their_versions() -> None:
    """As they were packed, with their licences."""
    for folder in (KIT / "assets" / "vendored", ROOT / "tests" / "simulator" / "vendored"):
        for name, package in json.loads((folder / "vendored.json").read_text()).items():
            library, _, version = name.rpartition("@")
            said = rf"{library}\s+{re.escape(version)}\s+\({package['licence']}\)"
            assert re.search(said, PAGE, re.IGNORECASE), name
