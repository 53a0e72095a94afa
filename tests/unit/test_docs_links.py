"""What the documents point to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def documents() -> list[str]:
    """The Markdown files of the project."""
    folders = ("docs", "labs", "solutions", "benchmarks")
    found = [*ROOT.glob("*.md"), *(file for folder in folders for file in (ROOT / folder).rglob("*.md"))]
    return sorted(str(file.relative_to(ROOT)) for file in found)


def heading_ids(document: Path) -> set[str]:
    """The anchors that GitHub gives the headings of *document*."""
    headings = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", documents())
def test_every_link_inside_the_project_leads_somewhere(document: str) -> None:
    """To a file or folder that is there, and to a heading that it has."""
    file = ROOT / document
    for link in LINK.findall(file.read_text("utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), f"{document} links to {link}"
        assert not anchor or anchor in heading_ids(target), f"{document} links to {link}"
