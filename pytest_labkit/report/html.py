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
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pytest_labkit.domain.model import Part
from pytest_labkit.report import chronicle, lanes, plot, scatter, timeline, wording
from pytest_labkit.report.compiled import Compiled
from pytest_labkit.report.document import Criterion, Document

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


def render(document: Document, project: str | None = None) -> str:
    """
    The page; every text in it that is not the template's own is escaped.

    *project* leads from the page to the project: `../../../`; without it, places are no links.
    """
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
        parts=_parts(document),
        left_out=[c for c in (*document.criteria, *document.challenges) if wording.did_not_run(c)],
        challenges=sorted((c for c in document.challenges if not wording.did_not_run(c)), key=_urgency),
        marked=partial(_marked, project),
    )


def _policy(css: str) -> str:
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


# What a student types, and what is opened: `labs/lab3/event_store.py:41`, whose line a browser cannot use.
_COMMAND = re.compile(r"\b(?:pytest|labkit) [^,;\n]*?(?=[,;\n]|    |$)")
_PLACE = re.compile(r"(?<![\w./-])(/?(?:[\w.-]+/)+[\w-]+\.(?:py|yaml|avsc|md|toml|html))(:\d+)?")
_FIRST = ("failed", "error", "blocked", "todo", "unknown", "passed")


def _marked(project: str | None, text: str) -> Markup:
    """*text* with commands as code, and places as links."""
    pieces, at = [], 0
    for command in _COMMAND.finditer(text):
        pieces += [_linked(project, text[at : command.start()]), Markup("<code>%s</code>") % command[0]]
        at = command.end()
    return Markup("").join([*pieces, _linked(project, text[at:])])


def _linked(project: str | None, text: str) -> Markup:
    pieces, at = [], 0
    for place in _PLACE.finditer(text) if project is not None else ():
        pieces.append(escape(text[at : place.start()]))
        leading = "" if place[1].startswith("/") else project
        pieces.append(Markup('<a href="%s%s">%s</a>') % (leading, place[1], place[0]))
        at = place.end()
    return Markup("").join([*pieces, escape(text[at:])])


def _urgency(criterion: Criterion) -> int:
    return _FIRST.index(criterion.verdict)


def _parts(document: Document) -> list[tuple[Part, list[Criterion]]]:
    """The parts of which something was checked, those that need work first, and so in each of them."""
    checked = [
        (part, [c for c in group if not wording.did_not_run(c)]) for part, group in wording.by_part(document)
    ]
    ordered = [(part, sorted(group, key=_urgency)) for part, group in checked if group]
    return sorted(ordered, key=lambda each: _urgency(each[1][0]) >= _FIRST.index("todo"))


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
