"""
Runs one program of a lab, with the student's answers in their places.

Its argument is a file, JSON, that `launch` has written. The program's module is imported as one of the lab's
package, so that it finds the lab's given files and, before them, the answers; its `main` gets a `Place`.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from pytest_labkit.answers.child import loading
from pytest_labkit.systems.place import Place


def main(file: Path) -> None:
    """Run it to its end; what it logs goes to its log, from the first line of a student's code on."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    told = json.loads(file.read_text("utf-8"))
    loading.open_package(told["package"], Path(told["root"]), map(Path, told["folders"]))
    calls = {name: (str(host), int(port)) for name, (host, port) in told["calls"].items()}
    place = Place(told["name"], told["port"], calls, told["database"])
    loading.load(told["package"], told["module"]).main(place)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
