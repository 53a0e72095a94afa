"""
What a run came to, for people and for programs: a document, and the files made from it.

`write` makes the files, `read` takes a document up again; `SCHEMA` describes `report.json`.
"""

from __future__ import annotations

import json
from pathlib import Path

from pytest_labkit.domain.errors import UsageProblem
from pytest_labkit.report import files, junit, markdown
from pytest_labkit.report.document import Document, adapter, as_json, published

__all__ = ["SCHEMA", "Document", "as_json", "published", "read", "write"]

SCHEMA = Path(__file__).with_name("report.schema.json")


def write(document: Document, folder: Path, root: Path | None = None) -> Path:
    """
    Write the files of *document* into `<folder>/<lab id>`: all of them new, or all as they were.

    The page links the places that it names where it lies in the project at *root*.

    Returns:
        The lab's folder, with `report.html`, `report.md`, `junit.xml` and `report.json`.

    Raises:
        KitError: They could not be written; the message says where and why.
    """
    from pytest_labkit.report import html  # and Jinja with it, which no run needs before its end

    place = folder / document.lab.id
    files.replace_all(
        place,
        {
            "report.html": html.render(document, _way_to(root, place)).encode(),
            "report.md": markdown.render(document).encode(),
            "junit.xml": junit.render(document),
            # Last, because other programs watch it: when it changes, the others are there.
            "report.json": (json.dumps(as_json(document), indent=2, allow_nan=False) + "\n").encode("ascii"),
        },
    )
    return place


def _way_to(root: Path | None, place: Path) -> str | None:
    """From a page in *place* to the project: `../../../`; `None` if it does not lie in it."""
    if root is None or not place.resolve().is_relative_to(root.resolve()):
        return None
    return "../" * len(place.resolve().relative_to(root.resolve()).parts)


def read(file: Path) -> Document:
    """
    The `report.json` that *file* is.

    Raises:
        UsageProblem: There is none, or it is of another version.
    """
    try:
        return adapter().validate_json(file.read_bytes())
    except FileNotFoundError:
        raise UsageProblem(f"There is no report at {file}.", "Run the checks first: pytest labs/…") from None
    except (OSError, ValueError):
        raise UsageProblem(
            f"{file} is no report of this version of the kit.", "Run the checks again."
        ) from None
