"""
The report as one HTML file that needs nothing else: no script, no request, no font.

It may be opened from a disk, mailed or served. A content security policy forbids everything but
this very style sheet, so that even a text that slipped through could do nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pytest_labkit.report import chronicle, lanes, plot, scatter, timeline, wording
from pytest_labkit.report.compiled import Compiled
from pytest_labkit.report.document import Document

TEMPLATE = Path(__file__).with_name("page.html.j2")
STYLE = Path(__file__).with_name("page.css")

_TEMPLATES = Environment(
    loader=FileSystemLoader(TEMPLATE.parent),
    bytecode_cache=Compiled(TEMPLATE.parent / "__pycache__"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(document: Document) -> str:
    """The page; every text in it that is not the template's own is escaped."""
    css = STYLE.read_text(encoding="utf-8")
    page = _TEMPLATES.get_template(TEMPLATE.name)
    return page.render(
        report=document,
        css=Markup(css),  # noqa: S704 (the package's own file)
        policy=_policy(css),
        words=wording,
        strip=plot.strip,
        histogram=plot.histogram,
        plot_size=(plot.WIDTH, plot.HEIGHT),
        histogram_height=plot.HISTOGRAM_HEIGHT,
        picture=timeline.picture,
        calendar=chronicle.calendar,
        on_lanes=lanes.picture,
        scattered=scatter.plot,
        scatter_size=(scatter.WIDTH, scatter.HEIGHT),
        step_when=timeline.when,
        anchor=_anchor,
        is_drawing=_is_drawing,
        when=_when,
        share=_share(document),
    )


def _policy(css: str) -> str:
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _anchor(criterion_id: str) -> str:
    """What a link to the criterion ends in: `#A2`."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", criterion_id)


def _is_drawing(text: str) -> bool:
    """Whether *text* has columns, as a timeline has: its lines are scrolled, not wrapped."""
    return len(re.findall(r"\S {2,}\S", text)) > 1 and "\n" in text.strip()


def _when(then: datetime) -> str:
    """`23 November 2026, 10:00 UTC`"""
    return f"{then.day} {then:%B %Y, %H:%M} UTC"


def _share(document: Document) -> float:
    """Of 100, the points that are earned; 0 where there are none to earn."""
    points = document.points
    return round(100 * points.earned / points.possible, 1) if points.possible else 0.0
