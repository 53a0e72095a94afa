"""
What a run came to, for people and for programs: `report.json` first, the rest made from it.

`write` makes the files, `read` takes one up again, `text` is what the terminal shows; `SCHEMA` describes
`report.json`.
"""

from __future__ import annotations

import json
from pathlib import Path

from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.domain.model import Report
from pytest_labkit.report import files, junit, markdown
from pytest_labkit.report.build import SCHEMA_NAME, as_json
from pytest_labkit.report.document import Document

__all__ = ["SCHEMA", "as_json", "read", "write"]

SCHEMA = Path(__file__).with_name("report.schema.json")


def write(report: Report, folder: Path) -> Path:
    """
    Write the files of *report* into `<folder>/<lab id>`: all of them new, or all as they were.

    Returns:
        The lab's folder, with `report.html`, `report.md`, `junit.xml` and `report.json`.

    Raises:
        KitError: They could not be written; the message says where and why.
    """
    from pytest_labkit.report import html  # and Jinja with it, which no run needs before its end

    document = as_json(report)
    place = folder / report.lab.id
    files.replace_all(
        place,
        {
            "report.html": html.render(document).encode(),
            "report.md": markdown.render(document).encode(),
            "junit.xml": junit.render(document),
            # Last, because other programs watch it: when it changes, the others are there.
            "report.json": (json.dumps(document, indent=2, allow_nan=False) + "\n").encode("ascii"),
        },
    )
    return place


def read(file: Path) -> Document:
    """
    The `report.json` that *file* is.

    Raises:
        UsageProblem: There is none, or it is of another version.
    """
    try:
        document: Document = json.loads(file.read_text("utf-8"))
        good = document["schema"] == SCHEMA_NAME
    except FileNotFoundError:
        raise UsageProblem(f"There is no report at {file}.", "Run the checks first: pytest labs/…") from None
    except (OSError, ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise UsageProblem(f"{file} is no report of this version of the kit.", "Run the checks again.")
    return document
